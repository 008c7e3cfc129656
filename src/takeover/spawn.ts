/** Starts the new version at `SIGUSR2`: the command line of this process, as the files have it now. */
import type { Core } from '../core/core'

let successor: number | undefined

/** Starts a process that takes the place of this one; one at a time. */
export function startSuccessor({ log, state }: Core): void {
  const reason = refusalOf(state)
  if (reason !== undefined) return log.warn({ signal: 'SIGUSR2', reason }, 'no takeover')
  const child = Bun.spawn(commandLine(), { stdio: ['inherit', 'inherit', 'inherit'] })
  successor = child.pid
  log.info(
    { signal: 'SIGUSR2', pid: child.pid },
    'a new process starts, to take the place of this one',
  )
  void child.exited.then((code) => {
    successor = undefined
    if (state.hasMoved) return
    state.takeoverFailure ??= `the new process has ended with ${code}`
    log.error({ pid: child.pid, code }, 'the new process has ended; this one goes on')
  })
}

function refusalOf({ draining }: Core['state']): string | undefined {
  if (process.pid === 1) return 'this is the first process of a container, which ends with it'
  if (successor !== undefined) return `process ${successor} is starting already`
  return draining ? 'this process is leaving' : undefined
}

/** An executable has its files inside; else the entry is an argument of the runtime. */
function commandLine(): string[] {
  const [runtime, ...options] = [process.execPath, ...process.execArgv]
  const entry = Bun.main.startsWith('/$bunfs/') ? [] : [...options, Bun.main]
  return [runtime, ...entry, 'serve', '--takeover']
}
