/** WORKERS_SETTINGS: how many processes one start makes, and what they need to be one server. */
import { parse, join } from 'node:path'
import type { ListenAddress } from '../core/addresses'
import { isFile } from '../store/files'
import { formatAddress } from './admin-settings'
import { usableCores } from './cores'
import { setting } from './setting'

const MAX_WORKERS = 256

export const WORKERS_SETTINGS = {
  workers: setting<number>({
    env: 'CARILLON_WORKERS',
    default: 1,
    read: (text) => {
      if (text === 'auto') return Math.min(usableCores(), MAX_WORKERS)
      const given = /^\d+$/.test(text) ? Number(text) : 0
      return given >= 1 && given <= MAX_WORKERS ? given : undefined
    },
    expected: `auto, or an integer from 1 to ${MAX_WORKERS}`,
    about:
      'processes that share the port, each on a core and with a database file of its own; `auto`: one for each core; more than one need `CARILLON_REDIS_URL`, and Linux',
  }),
}

type Values = {
  readonly workers: number
  readonly redisUrl: string | undefined
  readonly host: string
  readonly adminListen: ListenAddress | undefined
}

/** What keeps several workers from being one server. */
export function workersMistakes(
  { workers, redisUrl, host, adminListen }: Values,
  platform: string = process.platform,
): string[] {
  if (workers === 1) return []
  const file = [host, adminListen && formatAddress(adminListen)].find((at) =>
    at?.startsWith('unix:'),
  )
  const reasons = [
    redisUrl === undefined &&
      'CARILLON_REDIS_URL too, by which they are one server: without it each would have its own channels and members',
    platform !== 'linux' && '1, since only Linux spreads connections over processes',
    file !== undefined && `no ${file}: the file of a socket cannot be shared`,
  ]
  return reasons.flatMap((reason) =>
    reason === false ? [] : `${workers} workers: expected ${reason}`,
  )
}

/** The database of a worker: the first has the one of the settings, others have files beside it. */
export function databaseOfWorker(path: string, worker: number): string {
  if (worker === 1 || !isFile(path)) return path
  const { dir, name, ext } = parse(path)
  return join(dir, `${name}.${worker}${ext}`)
}
