/** Signals of a program that leaves when it is asked to, at once when it is asked twice. */
import { systemClock } from './clock'
import type { Log } from './core/types'
import { ignoresHangups } from './hangup'

/** A terminal signals the whole process group, and `bun run` passes it on once more: that is one signal. */
const SAME_SIGNAL_MS = 300

type Answers = {
  readonly log: Log
  /** The first signal. */
  readonly leave: (signal: string) => unknown
  /** The second one; the process exits afterwards. */
  readonly end: () => Promise<unknown>
  /** `SIGUSR2`. */
  readonly replace: () => void
}

export function listenToSignals({ log, leave, end, replace }: Answers): void {
  const receive = newReceiver({ log, leave, end })
  process.on('SIGTERM', receive)
  process.on('SIGINT', receive)
  if (!ignoresHangups()) process.on('SIGHUP', receive)
  process.on('SIGUSR2', replace)
}

/** What a terminal sends to all of its processes is for the parent, which tells its workers. */
export function listenAsWorker(answers: Omit<Answers, 'replace'>): void {
  process.on('SIGTERM', newReceiver(answers))
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => undefined)
}

function newReceiver({ log, leave, end }: Omit<Answers, 'replace'>): (signal: string) => void {
  let leavingSince: number | undefined
  return (signal) => {
    const now = systemClock.mono()
    if (leavingSince !== undefined && now - leavingSince < SAME_SIGNAL_MS) return
    if (leavingSince !== undefined) {
      log.warn({ signal }, 'a second signal: ended at once')
      return void end().then(() => process.exit(1))
    }
    leavingSince = now
    leave(signal)
  }
}
