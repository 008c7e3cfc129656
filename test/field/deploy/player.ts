/** Plays the steps of a Dockerfile: each stage is a folder, and what it runs is run there. */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { isInContext, type Stage, type Step } from './dockerfile'
import { PATH, Room } from './room'

const ROOT = join(import.meta.dir, '../../..')

/** What a base image has that this machine lends: its programs, and the runtime where the image has it. */
const LENT = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc'].filter((name) => existsSync(`/${name}`))
const CACHE = 'root/.bun/install/cache'

/** Where packages are that were installed before: with them nothing is fetched. */
const cacheOfPackages = (): string =>
  Bun.spawnSync([process.execPath, 'pm', 'cache'], { cwd: ROOT }).stdout.toString().trim()

/** Plays all stages in their order; resolves with the room of the last. `ignore` is the text of `.dockerignore`. */
export function play(stages: readonly Stage[], ignore: string): Room {
  const rooms = new Map<string | undefined, Room>()
  for (const { name, base, steps } of stages) {
    const room = new Room()
    rooms.set(name, room)
    let folder = '/'
    for (const step of steps)
      if (step.kind === 'workdir') mkdirSync(join(room.root, (folder = step.path)))
      else if (step.kind === 'run') run(room, base, folder, step.script)
      else copy(room, folder, step, (from) => rooms.get(from)?.root ?? fail(from), ignore)
  }
  const last = rooms.get(undefined)!
  for (const room of rooms.values()) if (room !== last) room[Symbol.dispose]()
  return last
}

const fail = (from: string): never => {
  throw new Error(`COPY --from=${from}: no such stage`)
}

function run(room: Room, base: string, folder: string, script: string): void {
  if (base === 'scratch') throw new Error(`RUN ${script}: an empty image has no shell`)
  const at = (path: string): string => join(room.root, path)
  for (const path of [...LENT, CACHE, 'tmp']) mkdirSync(at(path), { recursive: true })
  mkdirSync(at('runtime'), { recursive: true })
  writeFileSync(at('runtime/bun'), '') // whatever its name is here
  const lent = LENT.map((name) => [`/${name}`, name, 'ro'] as const)
  const runtime = [process.execPath, 'runtime/bun', 'ro'] as const
  const cache = [cacheOfPackages(), CACHE, 'rw'] as const
  const command = ['/bin/sh', '-c', `cd ${folder} && ${script}`]
  const entered = room.enter(command, { mounts: [...lent, runtime, cache], isOffline: true })
  const { exitCode, stderr, stdout } = Bun.spawnSync(entered, {
    env: { PATH: `/runtime:${PATH}`, HOME: '/root' },
  })
  if (exitCode !== 0) throw new Error(`RUN ${script}: ${exitCode}\n${stdout}${stderr}`)
}

type Copy = Extract<Step, { kind: 'copy' }>

function copy(
  room: Room,
  folder: string,
  { from, chown, sources, to }: Copy,
  rootOf: (stage: string) => string,
  ignore: string,
): void {
  const target = join(room.root, to.startsWith('/') ? to : join(folder, to))
  for (const source of sources) {
    const origin = from === undefined ? join(ROOT, source) : join(rootOf(from), source)
    const isFolder = lstatSync(origin).isDirectory()
    const path = isFolder || !/\/$|\.$/.test(to) ? target : join(target, basename(source))
    const isCopied = (file: string): boolean =>
      from !== undefined || isInContext(ignore, file.slice(ROOT.length + 1))
    if (!isCopied(origin)) throw new Error(`COPY ${source}: .dockerignore keeps it out`)
    cpSync(origin, path, { recursive: true, filter: isCopied })
    if (isFolder) chmodSync(path, 0o755)
    if (chown !== undefined) {
      const [uid = 0, gid = 0] = chown.split(':').map(Number)
      if (isFolder && new Bun.Glob('**').scanSync({ cwd: path }).next().done !== true)
        throw new Error(`COPY --chown ${source}: only empty folders`)
      chownSync(path, uid, gid)
    }
  }
}
