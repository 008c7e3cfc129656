/**
 * Standby: a server whose database another process uses waits for that one's end. Meanwhile it answers
 * health checks, where the port is free (in a rolling deploy on one machine it is not).
 */
import type { Server } from 'bun'
import type { Config } from './config/config'
import type { Clock, Log } from './core/types'
import { REQUEST_ID, requestIdFrom } from './http/headers'
import { placeOf } from './http/place'
import { pathOf } from './http/url'
import { DatabaseInUse, isFile, lockDatabase, TIE_MS } from './store/files'

/** How often the lock is tryLock. */
const POLL_MS = 250

export type DatabaseClaim = {
  /** Unlocks the database. */
  readonly release: () => void
  /** Frees the port for the server. */
  readonly makeWay: () => Promise<void>
}

export type StandbyOptions = {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly givenUp?: AbortSignal
}

/** @throws DatabaseInUse at once, or when the time to wait is over; StoreError */
export async function claimDatabase(options: StandbyOptions): Promise<DatabaseClaim> {
  const { databasePath, waitForDatabaseSeconds } = options.config
  if (!isFile(databasePath)) return { release: () => undefined, makeWay: async () => undefined }
  const first = tryLock(databasePath, TIE_MS)
  if (typeof first === 'function') return { release: first, makeWay: async () => undefined }
  if (waitForDatabaseSeconds === 0) throw first
  return waitFor(options)
}

async function waitFor({ config, clock, log, givenUp }: StandbyOptions): Promise<DatabaseClaim> {
  const { databasePath, waitForDatabaseSeconds: seconds } = config
  const end = clock.mono() + seconds * 1000
  const server = answerHealthChecks(config)
  const makeWay = async (): Promise<void> => await server?.stop(true)
  log.warn(
    { seconds, port: server?.port },
    'another process uses the database; waiting for its end',
  )
  try {
    while (!givenUp?.aborted && clock.mono() < end) {
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve))
      const release = tryLock(databasePath, 0)
      if (typeof release === 'function') return { release, makeWay }
    }
    throw new DatabaseInUse(
      databasePath,
      `CARILLON_WAIT_FOR_DATABASE_SECONDS=${seconds} was not enough`,
    )
  } catch (cause) {
    await makeWay()
    throw cause
  }
}

function tryLock(path: string, patienceMs: number): (() => void) | DatabaseInUse {
  try {
    return lockDatabase(path, patienceMs)
  } catch (cause) {
    if (cause instanceof DatabaseInUse) return cause
    throw cause
  }
}

const REASON = 'another process uses the database'

/** Answers `/up` with 200 and all else with 503; undefined where the port is in use. */
function answerHealthChecks({
  port,
  host: hostname,
  pathPrefix,
}: Config): Server<undefined> | undefined {
  try {
    return Bun.serve({
      port,
      hostname,
      development: false,
      reusePort: false,
      fetch: (request) => {
        const up = placeOf(pathOf(request.url), pathPrefix).path === '/up'
        const headers = {
          [REQUEST_ID]: requestIdFrom(request.headers.get(REQUEST_ID)),
          ...(!up && { 'retry-after': '1' }),
        }
        const body = up ? { health: 'OK' } : { ready: false, reason: REASON }
        return Response.json(body, { status: up ? 200 : 503, headers })
      },
    })
  } catch {
    return undefined // the other process has the port as well
  }
}
