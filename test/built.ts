/**
 * The server as its executable, which starts with a quarter of the CPU time that its sources take. Whoever needs it
 * first builds it, once for all test files of these sources; the others wait.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from '../release/build'
import { Program } from './program'

const ROOT = join(import.meta.dir, '..')
const FOLDER = join(import.meta.dir, 'field/processes/.cache')
const PREFIX = 'carillon-'

/** All that it is built of, and by. */
const PARTS = ['{src,plugins,release}/**/*', '{package.json,bun.lock,carillon.config.ts}']

/** The server has more files than that. */
const MANY = 300

/** Other sources have another name. */
function nameSources(): string {
  const parts = PARTS.flatMap((glob) => [...new Bun.Glob(glob).scanSync(ROOT)]).toSorted()
  if (parts.length < MANY) throw new Error(`the sources are ${parts.length} files`)
  const states = parts.map((part) => {
    const { mtimeMs, size } = statSync(join(ROOT, part))
    return `${part} ${mtimeMs} ${size}`
  })
  return Bun.hash([Bun.version, ROOT, ...states].join('\n')).toString(36)
}

/**
 * Has a name that only one process can have, and that ends with it; undefined while another one has it. Other systems
 * than Linux have none such: there each builds.
 */
function claim(name: string): Disposable | undefined {
  if (process.platform !== 'linux') return { [Symbol.dispose]: () => undefined }
  try {
    const listener = Bun.listen({ unix: `\0${name}`, socket: { data() {} } })
    return { [Symbol.dispose]: () => listener.stop(true) }
  } catch {
    return undefined // EADDRINUSE
  }
}

/** Resolves when who has the name gives it up. */
async function waitForEnd(name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await Bun.connect({ unix: `\0${name}`, socket: { data() {}, close: () => resolve() } }).then(
    () => promise,
    () => undefined, // ECONNREFUSED: it is given up already
  )
}

async function findBuilt(): Promise<string> {
  const name = PREFIX + nameSources()
  const file = join(FOLDER, name)
  while (!existsSync(file)) {
    using claimed = claim(name)
    if (!claimed) await waitForEnd(name)
    else if (!existsSync(file)) await buildInto(file)
  }
  return file
}

/** It has its name once it is whole; those of other sources go. */
async function buildInto(file: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  for (const other of readdirSync(FOLDER).filter((each) => each.startsWith(PREFIX)))
    rmSync(join(FOLDER, other))
  const unfinished = join(FOLDER, `unfinished-${process.pid}`)
  await build(unfinished)
  renameSync(unfinished, file)
}

/** The path of the executable. */
export const BUILT = await findBuilt()

type ProgramOptions = ConstructorParameters<typeof Program>[1]

/** The executable as a child, in a folder without a configuration file: it has the plugins of ours. */
export class Executable extends Program {
  constructor(env: Record<string, string> = {}, options: ProgramOptions = {}) {
    super(env, { command: [BUILT], cwd: FOLDER, ...options })
  }
}
