/**
 * Standby: a server whose database another process uses waits for that one's end. Meanwhile it answers
 * health checks, where the port is free (in a rolling deploy on one machine it is not).
 */
import { bindBeside, type Bound } from './bind'
import { formatAddress, publicAddress } from './config/admin-settings'
import type { Config } from './config/config'
import type { Clock, Log } from './core/types'
import { REQUEST_ID, requestIdFrom } from './http/headers'
import { placeIn } from './http/place'
import { StoreError } from './store/errors'
import { isFile, lockDatabase, TIE_MS } from './store/files'

/** How often the lock is tried. */
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
  /** What to do about a database in use; without, to wait for it. */
  readonly hint?: string
  /** Aborted to give up the start; plugins that have started are stopped. */
  readonly givenUp?: AbortSignal
}

/** @throws StoreError, for a database in use at once or when the time to wait is over */
export async function claimDatabase({
  config,
  clock,
  log,
  hint = 'CARILLON_WAIT_FOR_DATABASE_SECONDS waits for its end',
  givenUp,
}: StandbyOptions): Promise<DatabaseClaim> {
  const { databasePath, waitForDatabaseSeconds: seconds } = config
  const inUse = (what: string): StoreError =>
    new StoreError(`database ${databasePath}: is in use by another process (${what})`)
  const first = isFile(databasePath) ? lockDatabase(databasePath, TIE_MS) : () => undefined
  if (first) return { release: first, makeWay: async () => undefined }
  if (seconds === 0) throw inUse(hint)
  const end = clock.mono() + seconds * 1000
  const opened = await answerHealthChecks(config)
  const makeWay = async (): Promise<void> => {
    await Promise.all(opened.map(({ server }) => server.stop(true)))
  }
  log.warn(
    { seconds, at: opened.map(({ address }) => formatAddress(address)) },
    'another process uses the database; waiting for its end',
  )
  try {
    while (!givenUp?.aborted && clock.mono() < end) {
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve))
      const release = lockDatabase(databasePath, 0)
      if (release) return { release, makeWay }
    }
    throw inUse(`CARILLON_WAIT_FOR_DATABASE_SECONDS=${seconds} was not enough`)
  } catch (cause) {
    await makeWay()
    throw cause
  }
}

const REASON = 'another process uses the database'

/** Answers `/up` with 200 and all else with 503, wherever the server will listen and nobody does yet. */
async function answerHealthChecks(config: Config): Promise<Bound[]> {
  const { adminListen, pathPrefix } = config
  const address = publicAddress(config)
  const fetch = (request: Request): Response => {
    const up = placeIn(request, pathPrefix).path === '/up'
    const headers = {
      [REQUEST_ID]: requestIdFrom(request.headers.get(REQUEST_ID)),
      ...(!up && { 'retry-after': '1' }),
    }
    const body = up ? { health: 'OK' } : { ready: false, reason: REASON }
    return Response.json(body, { status: up ? 200 : 503, headers })
  }
  const opened: Bound[] = []
  for (const each of adminListen ? [address, adminListen] : [address])
    await bindBeside({ address: each, setting: '', isForAll: each === address }, (at) =>
      Bun.serve({ ...at, development: false, reusePort: false, fetch }),
    ).then(
      (bound) => opened.push(bound),
      () => undefined, // the other process has the address as well
    )
  return opened
}
