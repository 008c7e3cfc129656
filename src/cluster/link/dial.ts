/**
 * Dials Redis: one TCP connection that has said who it is, and has been looked at. It is never remade: whoever owns
 * it dials again.
 */
import type { Command, Redis, RedisOptions } from 'ioredis'
import type { RedisAddress, RedisTarget } from '../../config/redis-url'
import { messageOf } from '../../core/errors'
import { NO_ANSWER, PATIENCE_MS, RedisAway, RedisUnfit, tooFewRights, withPatience } from './away'
import { readInfo, unfitness, type RedisInfo } from './redis-info'

/** PEM texts, and the name that the certificate must have. */
export type RedisTls = {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
}

export type DialOptions = {
  readonly target: RedisTarget
  /** Asked on each connect, where the target is encrypted. @throws RedisUnfit */
  readonly tls: () => RedisTls
  readonly sentinelPassword: string | undefined
  /** CARILLON_CLUSTER. */
  readonly cluster: string
  /** Shown in Redis' list of clients. */
  readonly nodeName: string
}

/** A connection that is up. What is sent in one turn leaves together. */
export class Dialled {
  #isCorked = false

  constructor(
    readonly redis: Redis,
    readonly info: RedisInfo,
    /** What Redis calls this connection. */
    readonly id: string,
    /** Undefined where Sentinels said it. */
    readonly address: RedisAddress | undefined,
    private readonly NewCommand: typeof Command,
  ) {}

  /** Sends a command, and gives the answer with texts for strings. Commands are carried out in order. */
  send(name: string, args: (string | number)[]): Promise<unknown> {
    if (!this.#isCorked) this.#cork()
    const command = new this.NewCommand(name, args, { replyEncoding: 'utf8' })
    this.redis.sendCommand(command)
    return command.promise
  }

  #cork(): void {
    this.#isCorked = true
    this.redis.stream.cork()
    queueMicrotask(() => {
      this.#isCorked = false
      this.redis.stream.uncork()
    })
  }

  /**
   * Has Redis end a connection of before, if it has not yet. What was sent on it and not read (Redis stood still, or
   * the network did) would otherwise be carried out after what is sent on this one.
   */
  async fence({ id, info }: Pick<Dialled, 'id' | 'info'>): Promise<void> {
    if (info.runId === this.info.runId) await withPatience(this.send('client', ['KILL', 'ID', id]))
  }

  /** Ends it at once: a server that does not answer would not answer a goodbye. What was not sent yet is not. */
  hangUp(): void {
    this.redis.disconnect()
    this.redis.stream.resetAndDestroy()
  }
}

/**
 * Connects to an address; without, to the target, by way of its Sentinels where it has some. `onEnd` is called once,
 * when the connection has ended, with the reason.
 * @throws (rejects with) RedisUnfit, or RedisAway
 */
export async function dial(
  options: DialOptions,
  address: RedisAddress | undefined,
  onEnd: (reason: string) => void,
): Promise<Dialled> {
  const { Redis: Client, Command: NewCommand } = await import('ioredis')
  const redis = new Client(clientOptions(options, address))
  let lastError: Error | undefined
  redis.on('error', (cause: Error) => (lastError = cause))
  redis.once('end', () => onEnd(lastError ? messageOf(lastError) : 'the connection was closed'))
  try {
    // A Sentinel is connected to first, and another one where that does not answer.
    await withPatience(redis.connect(), options.target.kind === 'sentinel' ? 3 : 1)
    const { info, id } = await introduce(redis, options)
    return new Dialled(redis, info, id, address ?? firstOf(options.target), NewCommand)
  } catch (cause) {
    redis.disconnect()
    if (cause instanceof RedisUnfit) throw cause
    throw new RedisAway(describeFailure(messageOf(lastError ?? cause), options.target), false)
  }
}

/** Why nothing came of a connect, where the client's own words would say little. */
function describeFailure(message: string, { isEncrypted, master }: RedisTarget): string {
  if (/RESP type/.test(message))
    return 'what answers there is no Redis: are host and port of CARILLON_REDIS_URL right?'
  const [, bySentinel] = /^All sentinels are unreachable.*?Last error: (.*)/s.exec(message) ?? []
  if (bySentinel !== undefined)
    return `no Sentinel names the master ${master}: ${bySentinel.trim()}`
  if (message === NO_ANSWER && isEncrypted)
    return `${NO_ANSWER}: does it speak TLS on the port of CARILLON_REDIS_URL?`
  return message
}

const shuffle = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, rank: Math.random() }))
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ item }) => item)

const NO_TLS: RedisTls = { ca: undefined, cert: undefined, key: undefined, serverName: undefined }

/** Undefined for Sentinels, which are not the server itself. */
const firstOf = ({ kind, addresses }: RedisTarget): RedisAddress | undefined =>
  kind === 'sentinel' ? undefined : addresses[0]

function clientOptions(
  { target, tls, sentinelPassword }: DialOptions,
  address: RedisAddress | undefined,
): RedisOptions & { replyMapping: 'legacy' } {
  const { ca, cert, key, serverName } = target.isEncrypted ? tls() : NO_TLS
  const encrypted = target.isEncrypted && {
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert, key }),
      ...(serverName !== undefined && { servername: serverName }),
    },
  }
  const bySentinel = {
    sentinels: shuffle(target.addresses), // one that does not answer is not the first each time
    name: target.master,
    role: 'master' as const,
    sentinelRetryStrategy: null as never,
    sentinelCommandTimeout: PATIENCE_MS,
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(encrypted && { sentinelTLS: encrypted.tls, enableTLSForSentinelMode: true }),
  }
  return {
    ...(target.kind === 'sentinel' ? bySentinel : (address ?? firstOf(target))),
    ...encrypted,
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableReadyCheck: false, // `introduce` looks closer
    disableClientInfo: true,
    protocol: 2,
    replyMapping: 'legacy',
  }
}

/** No connection has this number. */
const NOBODY = '9223372036854775807'

/** Says who this is, and looks at the server. One round trip. @throws RedisUnfit, or what the server answered */
async function introduce(redis: Redis, options: DialOptions) {
  const { username, password, database } = options.target
  const name = `carillon:${options.cluster}:${options.nodeName}`.replace(/[^\x21-\x7e]/g, '_')
  const [authorized, selected, , number, killed, text] = await withPatience(
    Promise.allSettled([
      password === undefined
        ? undefined
        : redis.call('AUTH', ...(username === undefined ? [] : [username]), password),
      database === 0 ? undefined : redis.call('SELECT', database),
      redis.call('CLIENT', 'SETNAME', name),
      redis.call('CLIENT', 'ID'),
      redis.call('CLIENT', 'KILL', 'ID', NOBODY), // whether it may: `fence` does
      redis.call('INFO'),
    ]),
  )
  const refused = [authorized, selected, number, killed, text].find(
    (each) => each?.status === 'rejected',
  )
  if (refused?.status === 'rejected') throw refusalOf(refused.reason, options)
  const info = readInfo(String(text.status === 'fulfilled' ? text.value : ''), Date.now())
  const reason = unfitness(info, options.target)
  if (reason !== undefined) throw new RedisUnfit(reason)
  if (info.isLoading) throw new RedisAway('Redis reads its data', false)
  return { info, id: String(number.status === 'fulfilled' ? number.value : '') }
}

/** What a refusal of the first commands means; none shows a secret. */
const REFUSALS: readonly (readonly [
  refusal: RegExp,
  explain: (target: RedisTarget, message: string) => string,
])[] = [
  [
    /^WRONGPASS/,
    ({ username = 'default' }) =>
      `Redis refuses the password of the user ${username} in CARILLON_REDIS_URL`,
  ],
  [/^NOAUTH/, () => 'Redis wants a password, and CARILLON_REDIS_URL has none'],
  [
    /without any password configured/,
    () => 'CARILLON_REDIS_URL has a password, and the default user of Redis has none',
  ],
  [/^NOPERM/, (_, message) => tooFewRights(message)],
  [/DB index is out of range/, ({ database }) => `Redis has no database ${database}`],
]

function refusalOf(cause: unknown, { target }: DialOptions): Error {
  const message = messageOf(cause)
  const known = REFUSALS.find(([refusal]) => refusal.test(message))
  return known ? new RedisUnfit(known[1](target, message)) : new RedisAway(message, false)
}
