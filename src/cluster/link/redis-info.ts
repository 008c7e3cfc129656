/** What a Redis says of itself (`INFO`), and whether it can serve. */
import type { RedisTarget } from '../../config/redis-url'

/** The identity of the data of a Redis: another one after a start without them, and after a failover. */
export type Life = {
  readonly id: string
  /** The one that it went on from; zeros where there was none. */
  readonly earlierId: string
}

export type RedisInfo = {
  /** `redis` or `valkey`, and its version, for people. */
  readonly server: string
  /** Of the commands that it knows: Valkey says 7.2.4. */
  readonly version: string
  readonly isMaster: boolean
  readonly isLoading: boolean
  readonly isCluster: boolean
  /** Undefined where it does not say. */
  readonly evictionPolicy: string | undefined
  /** How far its clock is ahead of this machine's; undefined where it does not say. */
  readonly clockAheadMs: number | undefined
  readonly life: Life
  /** Of the process: numbers of connections are its own. */
  readonly runId: string
}

const LEAST_MAJOR = 7

/** `now` is this machine's time, in milliseconds. */
export function readInfo(text: string, now: number): RedisInfo {
  const fields = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(/^([\w-]+):(.*?)\r?$/gm))
    fields.set(name, value)
  const valkey = fields.get('valkey_version')
  const version = fields.get('redis_version') ?? ''
  const timeUs = fields.get('server_time_usec')
  return {
    server: valkey === undefined ? `redis ${version}` : `valkey ${valkey}`,
    version,
    isMaster: fields.get('role') === 'master',
    isLoading: fields.get('loading') === '1',
    isCluster: fields.get('redis_mode') === 'cluster' || fields.get('server_mode') === 'cluster',
    evictionPolicy: fields.get('maxmemory_policy'),
    clockAheadMs: timeUs === undefined ? undefined : Number(timeUs) / 1000 - now,
    runId: fields.get('run_id') ?? '',
    life: {
      id: fields.get('master_replid') ?? '',
      earlierId: fields.get('master_replid2') ?? '',
    },
  }
}

/** Why it can never serve; undefined where it can. */
export function unfitness(
  { version, server, isCluster }: RedisInfo,
  { kind }: Pick<RedisTarget, 'kind'>,
): string | undefined {
  const [major = 0] = version.split('.').map(Number)
  if (!(major >= LEAST_MAJOR)) return `expected Redis 7 or Valkey, and found ${server}`
  if (isCluster && kind !== 'cluster')
    return 'CARILLON_REDIS_URL leads to a node of a Cluster: expected redis+cluster:// or rediss+cluster://'
  if (!isCluster && kind === 'cluster')
    return 'CARILLON_REDIS_URL is that of a Cluster, and leads to a Redis that is in none: expected redis:// with one address'
  return undefined
}

/** Well below the ten minutes past which requests of backends are refused. */
const CLOCK_TOLERANCE_MS = 30_000

/** What is not as it should be, and does not hinder. */
export function warningsOf(info: RedisInfo | undefined): string[] {
  if (info === undefined) return []
  const { evictionPolicy = 'noeviction', clockAheadMs = 0 } = info
  const warnings: string[] = []
  if (evictionPolicy !== 'noeviction')
    warnings.push(
      `its maxmemory-policy is ${evictionPolicy}, expected noeviction: it may delete who is where, and events`,
    )
  if (Math.abs(clockAheadMs) > CLOCK_TOLERANCE_MS)
    warnings.push(
      `its clock and that of this machine are ${Math.round(Math.abs(clockAheadMs) / 1000)} seconds apart: one of them is wrong, and past ten minutes a server refuses signed requests`,
    )
  return warnings
}
