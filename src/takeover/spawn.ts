/** Starts the new version at `SIGUSR2`: the command line of this process, as the files have it now. */
import type { Environment } from '../config/setting'
import type { Core } from '../core/core'
import type { Clock } from '../core/types'

/** Whether there is one that has neither taken over nor ended. */
let isStarting = false

/** How often it is looked whether a process that is no child of this one lives. */
const LOOK_MS = 100

/** Starts a process with an environment, which takes the place of this one; one at a time. */
export async function startSuccessor({ clock, log, state }: Core, env: Environment): Promise<void> {
  const reason = refusalOf(state)
  if (reason !== undefined) return log.warn({ signal: 'SIGUSR2', reason }, 'no takeover')
  isStarting = true
  const isManaged = process.env['NOTIFY_SOCKET'] !== undefined
  const { pid, ended } = isManaged ? await spawnForManager(clock, env) : spawnChild(env)
  log.info({ signal: 'SIGUSR2', pid }, 'a new process starts, to take the place of this one')
  const code = await ended
  isStarting = false
  if (state.hasMoved) return
  state.takeoverFailure ??=
    code === undefined ? 'the new process has ended' : `the new process has ended with ${code}`
  log.error({ pid, code }, 'the new process has ended; this one goes on')
}

/** `ended` resolves with the exit code, where that is known. */
type Started = { readonly pid: number; readonly ended: Promise<number | undefined> }

function spawnChild(env: Environment): Started {
  const { pid, exited } = Bun.spawn(ownCommand('serve', '--takeover'), {
    env,
    stdio: ['inherit', 'inherit', 'inherit'],
  })
  return { pid, ended: exited }
}

/**
 * Starts it by a shell that ends at once, so that the service manager is its parent. systemd does not wait for a main
 * process that is the child of another one: at a stop it kills it in the same moment (252).
 */
async function spawnForManager({ after }: Clock, env: Environment): Promise<Started> {
  const script = '"$@" >&3 3>&- & echo $!'
  const stdio = ['ignore', 'pipe', 'inherit', 1] as const
  const shell = Bun.spawn(['sh', '-c', script, 'sh', ...ownCommand('serve', '--takeover')], {
    env,
    stdio: [...stdio],
  })
  const pid = Number(await new Response(shell.stdout).text())
  const ended = new Promise<undefined>((resolve) => {
    const look = (): unknown => (isAlive(pid) ? after(LOOK_MS, look) : resolve(undefined))
    look()
  })
  return { pid, ended }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false // ESRCH
  }
}

function refusalOf({ draining }: Core['state']): string | undefined {
  if (process.pid === 1) return 'this is the first process of a container, which ends with it'
  if (isStarting) return 'a new process is starting already'
  return draining ? 'this process is leaving' : undefined
}

/** How this program is called. An executable has its files inside; else the entry is an argument of the runtime. */
export function ownCommand(...args: readonly string[]): string[] {
  const [runtime, ...options] = [process.execPath, ...process.execArgv]
  const entry = Bun.main.startsWith('/$bunfs/') ? [] : [...options, Bun.main]
  return [runtime, ...entry, ...args]
}

/** Ends a process that keeps what another one is to have. */
export function kill(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL') // others are groups of processes
  } catch {
    // ESRCH: it has ended meanwhile
  }
}
