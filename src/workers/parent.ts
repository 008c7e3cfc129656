/**
 * The parent: starts the workers, announces them once, starts anew what has ended, and leaves at a signal when all have.
 * It never serves.
 */
import { systemClock } from '../clock'
import type { Config } from '../config/config'
import { SETTINGS } from '../config/config'
import { databaseOfWorker } from '../config/workers-settings'
import { createLog } from '../log'
import { fileLimitWarnings, openFilesLimit } from '../open-files'
import { environmentOfStart, fail, readNotes } from '../start-settings'
import { listenToSignals } from '../signals'
import { announceToManager } from '../takeover/manager'
import { existsSync } from 'node:fs'
import { Crew } from './crew'
import type { Ended } from './worker-process'

/** Requests that workers pass on to each other: the runtime has others wait beyond 256, webhooks among them. */
const MANY_REQUESTS = { BUN_CONFIG_MAX_HTTP_REQUESTS: '65336' }

/** Starts them, or exits and prints what is wrong, once. */
export async function superviseWorkers(config: Config): Promise<void> {
  const { workers: count, logLevel, databasePath } = config
  const { log, finish } = await createLog(logLevel)
  for (const { level, message } of readNotes()) log[level]({}, message)
  for (const line of fileLimitWarnings(config, openFilesLimit())) log.warn({}, line)
  const env = { ...environmentOfStart(), ...MANY_REQUESTS, [SETTINGS.workers.env]: String(count) }
  const crew = new Crew({ count, env, clock: systemClock, log })
  let hasStarted = false
  let isLeaving = false
  const leave = async (signal: string): Promise<void> => {
    isLeaving = true
    log.info({ signal, workers: count }, 'leaving')
    await crew.leave()
    log.info({ workers: count }, 'left')
    await finish()
    process.exit(crew.hasFailed ? 1 : 0)
  }
  const end = async (): Promise<void> => {
    crew.kill()
    await finish()
  }
  const replace = (): void => void (hasStarted && crew.replaceAll())
  listenToSignals({ log, leave, end, replace })
  const outcome = await crew.start()
  if (isLeaving) return
  if (outcome.type === 'ended') {
    await Promise.all([crew.leave(), finish()])
    fail(...describe(outcome))
  }
  hasStarted = true
  announceToManager(`READY=1\nMAINPID=${process.pid}`)
  process.stdout.write(`${outcome.announcement}\n`)
  log.info({ workers: count, pids: crew.pids }, 'all workers listen')
  const idle = databaseOfWorker(databasePath, count + 1)
  if (idle !== databasePath && existsSync(idle))
    log.warn(
      { database: idle },
      `the database of a worker that does not run any more: what waits in it is delivered once ${SETTINGS.workers.env} is ${count + 1} again`,
    )
}

/** Why there is no start. What a worker says of itself is worded already. */
function describe({ lines, code, signal }: Ended): readonly string[] {
  if (lines.length > 0) return lines
  return [`a worker has ended with ${signal ?? code} before it listened`]
}
