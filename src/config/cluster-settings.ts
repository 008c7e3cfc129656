/** CLUSTER_SETTINGS: the rows of SETTINGS that make several servers one, over Redis. */
import { hostname } from 'node:os'
import { readRedisUrl, REDIS_URL_EXPECTED } from './redis-url'
import { optional, setting } from './setting'

const FILE = /^[^\0]+$/

export const CLUSTER_SETTINGS = {
  redisUrl: setting<string | undefined>({
    env: 'CARILLON_REDIS_URL',
    default: undefined,
    read: (text) => (readRedisUrl(text) ? text : undefined),
    expected: REDIS_URL_EXPECTED,
    about:
      'Redis, which makes several servers one: `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://`; none if absent',
    secret: true,
  }),
  redisCaFile: optional(
    'CARILLON_REDIS_CA_FILE',
    FILE,
    'a path',
    "file with the certificate that signed that of Redis (PEM), where the system's do not",
  ),
  redisCertFile: optional(
    'CARILLON_REDIS_CERT_FILE',
    FILE,
    'a path',
    'file with the certificate that this server shows to Redis (PEM), where Redis asks for one; goes with the next',
  ),
  redisKeyFile: optional(
    'CARILLON_REDIS_KEY_FILE',
    FILE,
    'a path',
    'file with its private key (PEM)',
  ),
  redisServerName: optional(
    'CARILLON_REDIS_SERVER_NAME',
    /^[\w.-]+$/,
    'a host name',
    'name that the certificate of Redis must have, where it is not the one in the URL',
  ),
  sentinelPassword: optional(
    'CARILLON_REDIS_SENTINEL_PASSWORD',
    /^.+$/,
    'one line of text',
    'password of the Sentinels, where they have one',
    true,
  ),
  cluster: setting<string>({
    env: 'CARILLON_CLUSTER',
    default: 'default',
    read: (text) => (/^[\w-]{1,64}$/.test(text) ? text : undefined),
    expected: 'letters, digits, - and _, at most 64',
    about:
      'name of all servers that are one; those of another name on the same Redis know nothing of them',
  }),
  nodeName: setting<string>({
    env: 'CARILLON_NODE_NAME',
    default: '',
    read: (text) => (/^[\w.:@-]{1,64}$/.test(text) ? text : undefined),
    expected: 'letters, digits and _.:@-, at most 64',
    about: 'what this server is called where people see all of them; the host name if absent',
  }),
} as const

/** The files that TLS to Redis needs, and its name. */
export type ClusterFiles = {
  readonly redisCaFile: string | undefined
  readonly redisCertFile: string | undefined
  readonly redisKeyFile: string | undefined
  readonly redisServerName: string | undefined
}

type ClusterValues = ClusterFiles & {
  readonly redisUrl: string | undefined
  readonly sentinelPassword: string | undefined
}

/** What this server is called; names need not differ. */
export const nodeNameOf = ({ nodeName }: { readonly nodeName: string }): string =>
  nodeName || hostname()

/** A line for each setting that is of no use without another. */
export function clusterMistakes(values: ClusterValues): string[] {
  const { redisUrl: url, redisCertFile: cert, redisKeyFile: key } = CLUSTER_SETTINGS
  const target = values.redisUrl === undefined ? undefined : readRedisUrl(values.redisUrl)
  const mistakes: string[] = []
  if ((values.redisCertFile === undefined) !== (values.redisKeyFile === undefined)) {
    const [has, lacks] = values.redisCertFile === undefined ? [key, cert] : [cert, key]
    mistakes.push(`${lacks.env} is not set: expected a path, since it goes with ${has.env}`)
  }
  const ofTls = ['redisCaFile', 'redisCertFile', 'redisKeyFile', 'redisServerName'] as const
  if (!target?.isEncrypted)
    for (const name of ofTls.filter((each) => values[each] !== undefined))
      mistakes.push(`${CLUSTER_SETTINGS[name].env} is set, and ${url.env} has no TLS (rediss://)`)
  if (values.sentinelPassword !== undefined && target?.kind !== 'sentinel')
    mistakes.push(
      `${CLUSTER_SETTINGS.sentinelPassword.env} is set, and ${url.env} is none of redis+sentinel://`,
    )
  return mistakes
}
