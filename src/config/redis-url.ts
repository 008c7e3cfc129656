/**
 * CARILLON_REDIS_URL taken apart. Its forms, all of them with `rediss` in place of `redis` for TLS:
 *
 * - `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`: one Redis;
 * - `redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],…/MASTER[/DATABASE]`: addresses of Sentinels, and what they call the master;
 * - `redis+cluster://[[USER]:PASSWORD@]HOST[:PORT],…`: some nodes of a Cluster, which name the others. More than one
 *   address after `redis://` is a Cluster, too.
 *
 * User and password are percent-encoded.
 */
import { isIPv6 } from 'node:net'
import { hostAlone } from './setting'

export type RedisAddress = { readonly host: string; readonly port: number }

export type RedisTarget = {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly isEncrypted: boolean
  /** The Redis, Sentinels, or some nodes of a Cluster; at least one. */
  readonly addresses: readonly RedisAddress[]
  /** What Sentinels call the master; empty elsewhere. */
  readonly master: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
}

export const REDIS_URL_EXPECTED =
  'redis://, rediss:// (TLS), redis+sentinel:// or redis+cluster:// with USER:PASSWORD@ (percent-encoded) or without, addresses as HOST:PORT, and after a slash the number of a database; Sentinel has the name of the master before it, as redis+sentinel://a:26379,b:26379/mymaster'

const DEFAULT_PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const

const URL_FORM =
  /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/?#]*):([^@/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?$/

/** Undefined for what is none of the forms. */
export function readRedisUrl(text: string): RedisTarget | undefined {
  const found = URL_FORM.exec(text)
  if (!found) return undefined
  const [, encrypted = '', mode, user = '', secret = '', hosts = '', path = ''] = found
  const kind =
    mode === 'sentinel' ? mode : mode === 'cluster' || hosts.includes(',') ? 'cluster' : 'single'
  const addresses = hosts.split(',').map((each) => addressOf(each.trim(), DEFAULT_PORTS[kind]))
  const place = placeOf(kind, path)
  const [username, password] = [decoded(user), decoded(secret)]
  if (!place || username === undefined || password === undefined) return undefined
  if (!addresses.every((address) => address !== undefined)) return undefined
  return {
    kind,
    isEncrypted: encrypted !== '',
    addresses,
    ...place,
    username: username || undefined,
    password: password || undefined,
  }
}

function addressOf(text: string, defaultPort: number): RedisAddress | undefined {
  const [, brackets, name, digits = String(defaultPort)] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = brackets ?? name ?? ''
  const port = Number(digits)
  const isHost = brackets === undefined ? hostAlone(host) !== undefined : isIPv6(host)
  return isHost && port > 0 && port <= 65_535 ? { host, port } : undefined
}

/** Master and database of the path. */
function placeOf(
  kind: RedisTarget['kind'],
  path: string,
): Pick<RedisTarget, 'master' | 'database'> | undefined {
  const parts = path === '' ? [] : path.split('/')
  const master = kind === 'sentinel' ? decoded(parts.shift() ?? '') : ''
  const [digits = '0', ...more] = parts
  const isDatabase = /^\d{1,5}$/.test(digits) && (kind !== 'cluster' || Number(digits) === 0)
  if (master === undefined || more.length > 0 || !isDatabase) return undefined
  if (kind === 'sentinel' && master === '') return undefined
  return { master, database: Number(digits) }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
