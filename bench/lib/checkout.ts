/**
 * Checkout: a clone of a repository that is run as its README says, by `bun run server`, which
 * installs what is missing. Whatever that starts is a group of its own and does not outlive the bench.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { findFreePort, launchGroup } from './processes'
import { HOST } from './sides'

/** An installation may have to wait for a registry. */
const READY_MS = 120_000
const POLL_MS = 5

/** Clones the last commit: what is not committed is not measured. @throws Error where it can't be cloned */
export async function cloneRepository(from: string, to: string): Promise<void> {
  const git = Bun.spawn(['git', 'clone', '--quiet', from, to], { stdin: 'ignore', stderr: 'pipe' })
  const output = await new Response(git.stderr).text()
  if ((await git.exited) !== 0) throw new Error(`${from} can't be cloned: ${output.trim()}`)
}

export type Started = AsyncDisposable & {
  /** The server's own, not that of what started it. */
  readonly pid: number
}

/** Runs `bun run server` in a folder, until `/up` answers 200. @throws Error when it never does */
export async function startCheckout(folder: string): Promise<Started> {
  const port = findFreePort()
  const env = { ...installEnvironment(), HOST, PORT: String(port), CARILLON_LOG_LEVEL: 'error' }
  const group = launchGroup([process.execPath, 'run', 'server'], { cwd: folder, env })
  const deadline = performance.now() + READY_MS
  while (!(await isHealthy(port))) {
    if (group.exitCode === null && performance.now() < deadline) {
      await Bun.sleep(POLL_MS)
      continue
    }
    group.kill('SIGTERM')
    await group.exited
    throw new Error(`bun run server in ${folder} did not answer: it ended with ${group.exitCode}`)
  }
  const pid = findLastBelow(group.pid)
  return {
    pid,
    async [Symbol.asyncDispose]() {
      process.kill(pid, 'SIGKILL') // by itself: those above it count its CPU time when it ends
      await group.exited
    },
  }
}

const INSTALLING = /^(PATH|HOME|TMPDIR|XDG_.*|BUN_INSTALL.*|npm_config_.*|(https?|no)_proxy)$/i

/** The environment of an installation, without the settings of a server. */
const installEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => INSTALLING.test(name)))

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/up`, { keepalive: false })).status === 200
  } catch {
    return false // ConnectionRefused: it does not listen yet
  }
}

/** Finds the last descendant of a process: the child of its child, and so on. */
function findLastBelow(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  )
  return children.length === 0 ? pid : findLastBelow(Number(children.at(-1)))
}

const ALL = new Bun.Glob('**')

/** Adds up the sizes of all files below a folder, not their blocks. Links are not followed. */
export function countBytes(folder: string): number {
  let sum = 0
  for (const path of ALL.scanSync({ cwd: folder, absolute: true, dot: true })) {
    const entry = lstatSync(path)
    if (entry.isFile()) sum += entry.size
  }
  return sum
}
