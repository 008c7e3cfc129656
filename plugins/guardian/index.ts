/**
 * Guardian: channels are authorised by JSON Web Tokens, without an auth endpoint.
 *
 * A token is sent in the connection's query (`guardian_token`, `csrf_token`, `guardian_csrf`, `token`) or
 * in the place of `auth` in a subscribe; by Phoenix's clients in a join's payload, or as the token of
 * phoenix.js (`authToken`). Its claim `listen` is a list of patterns of channels that its bearer may
 * subscribe to, `publish` of those on which they may send client events, `sub` their id on presence
 * channels. A pattern is a name, or the beginning of one and `*`.
 *
 *     guardian()                                        // HS256 to HS512 with the app's own secret
 *     guardian({ jwks: ['https://id.example/jwks.json'], issuer: 'https://id.example' })
 *     guardian({ apps: { 42: { keys: [{ key: publicPem, algorithm: 'ES256' }] } } })
 *
 * A bad token is refused, whatever else was sent. A subscription with a signature that needs no token is
 * left to the signature. `options.ts` has the options, `token-sources.ts` the places of tokens, `token.ts`
 * what is verified, `refusals.ts` the messages.
 */
import {
  definePlugin,
  allow,
  reject,
  type Allow,
  type AppView,
  type ConnectionView,
  type Plugin,
  type PluginContext,
  type Reject,
  type SubscribeRequest,
} from 'carillon/plugin'
import { createBearer, type Bearer } from './bearers'
import { matches, type Grant, type Token } from './claims'
import { Keyring } from './keyring'
import { Leases, type Lease } from './leases'
import { Library } from './library'
import { readOptions, type GuardianOptions, type Settings } from './options'
import { TOKEN_REFUSALS, messageOf, errorOf, type Reason } from './refusals'
import { concerns, Revocations, type Revocation } from './revocations'
import { addRoutes } from './routes'
import { isSignature, TOKEN_SOURCES, type Found } from './token-sources'

export type { GuardianOptions } from './options'

/** @throws Error (at the start) that names the option which can't be used */
export function guardian(options: GuardianOptions = {}): Plugin {
  return definePlugin({
    name: 'guardian',
    carillon: 1,
    setup: (context) => new Guardian(context, options).hooks(),
  })
}

const MAY_NOT_PUBLISH = reject('The token does not let its bearer publish on this channel')

class Guardian {
  readonly #settings: ReturnType<typeof readOptions>
  /** By app, as long as it lives. */
  readonly #rings = new WeakMap<AppView, Keyring>()
  readonly #revocations: Revocations
  readonly #leases: Leases
  /** Revocations whose connections are being ended. */
  readonly #ending = new Set<Revocation>()
  /** By connection, as long as it lives. Not in `locals`, since most connections have no token. */
  readonly #bearers = new WeakMap<ConnectionView, Bearer>()
  readonly #accepted
  readonly #refused
  readonly #library: Library

  constructor(
    readonly context: PluginContext,
    readonly options: GuardianOptions,
  ) {
    this.#settings = readOptions(options)
    this.#library = new Library(context, () => import('./token'))
    this.#revocations = new Revocations(context.shared)
    this.#leases = new Leases(context.clock, (leases) =>
      context.inSlices(leases, ({ conn }) =>
        conn.disconnect('The token has expired', { toReconnect: true }),
      ),
    )
    this.#accepted = context.counter('tokens_accepted', 'Tokens that were verified')
    this.#refused = refusalCounters(context)
    this.#warn()
    addRoutes(context, {
      lifetimeSeconds: (id) => {
        const app = context.apps.byId(id)
        return app && revocationSeconds(this.#settingsOf(app))
      },
      revoke: (revocation) => this.#revocations.add(revocation),
      pages: () => this.#revocations.pages(),
      remove: (id) => this.#revocations.remove(id),
    })
  }

  hooks(): ReturnType<Plugin['setup']> {
    return {
      start: async () => {
        await this.#library.start(Object.keys(this.options).length > 0)
        await this.#revocations.adopt(this.context.store)
      },
      connect: (conn, request) => {
        const found = TOKEN_SOURCES.connect.find(request)
        if (found.jwts.length === 0) return undefined
        if (conn.app) return this.#connect(conn, conn.app, found)
        this.#bearer(conn).foundAtConnect = found
        return undefined
      },
      connected: (conn) => {
        const bearer = this.#bearers.get(conn)
        if (bearer?.grant) bearer.lease = this.#lease(conn, bearer.grant.token)
      },
      subscribe: (conn, request) => this.#checkPublic(conn, request),
      authorize: (conn, request) => this.#authorize(conn, request),
      subscribed: (conn, { channel }) => this.#addSubscription(conn, channel),
      unsubscribed: (conn, { channel }) => {
        const subscriptions = this.#bearers.get(conn)?.subscriptions
        const lease = subscriptions?.get(channel)?.lease
        if (lease) this.#leases.end(lease)
        subscriptions?.delete(channel)
      },
      clientEvent: (conn, { channel }) => {
        if (this.#bearers.get(conn)?.subscriptions.get(channel)?.mayPublish === false)
          return MAY_NOT_PUBLISH
      },
      sharedChanged: ({ value }) => {
        if (value !== undefined) this.#endRevoked(value as Revocation)
      },
      disconnected: (conn) => {
        const lease = this.#bearers.get(conn)?.lease
        if (lease) this.#leases.end(lease)
      },
    }
  }

  #bearer(conn: ConnectionView): Bearer {
    let bearer = this.#bearers.get(conn)
    if (!bearer) this.#bearers.set(conn, (bearer = createBearer()))
    return bearer
  }

  async #connect(conn: ConnectionView, app: AppView, found: Found): Promise<Reject | undefined> {
    const grant = await this.#verify(app, found)
    if (typeof grant === 'string') return this.#refuse(conn, grant)
    this.#bearer(conn).grant = grant
    return undefined
  }

  /** Waits only for a subscription that has a token of its own. */
  #authorize(
    conn: ConnectionView,
    request: SubscribeRequest,
  ): Promise<Reject | Allow | undefined> | Reject | Allow | undefined {
    const bearer = this.#bearers.get(conn)
    if (bearer) bearer.pending = undefined
    const found = mergeFound(TOKEN_SOURCES.subscribe.find(request), bearer?.foundAtConnect)
    if (found.jwts.length > 0)
      return this.#verify(request.app, found).then((grant) =>
        typeof grant === 'string' ? this.#refuse(conn, grant) : this.#admit(conn, request, grant),
      )
    if (!bearer?.grant) return undefined
    const signed = isSignature(request.auth)
    if (signed && !matches(bearer.grant.listen, TOKEN_SOURCES.subscribe.names(request)))
      return undefined
    const reason = this.#checkLease(bearer.grant.token)
    return reason ? this.#refuse(conn, reason) : this.#admit(conn, request, bearer.grant)
  }

  /** Like ExPusherLite, checks the token of a join also where none is needed. */
  #checkPublic(
    conn: ConnectionView,
    request: SubscribeRequest,
  ): Promise<Reject | undefined> | undefined {
    if (conn.app || !request.channel.startsWith('public:')) return undefined
    const found = TOKEN_SOURCES.subscribe.find(request)
    if (found.jwts.length === 0) return undefined
    return this.#verify(request.app, found).then((grant) =>
      typeof grant === 'string' ? this.#refuse(conn, grant) : undefined,
    )
  }

  #admit(
    conn: ConnectionView,
    request: SubscribeRequest,
    grant: Grant,
  ): Reject | Allow | undefined {
    const { channel } = request
    const { token, listen, publish, channelData } = grant
    const names = TOKEN_SOURCES.subscribe.names(request)
    // As in ExPusherLite, a wrong token is answered like none.
    if (!matches(listen, names) && !conn.app) return undefined
    if (!matches(listen, names))
      return reject(`The token does not let its bearer listen to ${channel}`)
    if (channelData === undefined && channel.startsWith('presence-'))
      return reject(`The token does not say who its bearer is (sub), which ${channel} needs`)
    this.#bearer(conn).pending = { channel, token, mayPublish: matches(publish, names) }
    return allow(channelData === undefined ? {} : { channelData })
  }

  #addSubscription(conn: ConnectionView, channel: string): void {
    const bearer = this.#bearers.get(conn)
    if (!bearer) return
    const { pending } = bearer
    bearer.pending = undefined
    if (pending?.channel !== channel) return
    const { token, mayPublish } = pending
    const lease = token === bearer.grant?.token ? undefined : this.#lease(conn, token)
    if (conn.closed) return
    bearer.subscriptions.set(channel, { mayPublish, lease })
  }

  /** Begins a lease. The token may have been revoked while other plugins decided. */
  #lease(conn: ConnectionView, token: Token): Lease | undefined {
    if (conn.closed) return undefined
    const lease = this.#leases.begin(conn, token)
    this.#revocations.refuses(token).then(
      (isRevoked) => isRevoked && conn.disconnect(messageOf('revoked')),
      () => conn.disconnect('The token cannot be checked now', { toReconnect: true }),
    )
    return lease
  }

  async #verify(app: AppView, { jwts, raws }: Found): Promise<Grant | Reason> {
    const [jwt = '', ...more] = jwts
    if (more.length > 0) return 'many'
    const verify = this.#library.verify ?? (await this.#library.tryToLoad())
    if (!verify) return 'keys_unavailable'
    const now = this.context.clock.now()
    const grant = await verify({ jwt, raws }, { app, keyring: this.#ringOf(app), now })
    if (typeof grant === 'string') return grant
    const reason = await this.#checkToken(grant.token)
    if (!reason) this.#accepted.count++
    return reason ?? grant
  }

  async #checkToken(token: Token): Promise<Reason | undefined> {
    if (token.expiresAt <= this.context.clock.now()) return 'expired'
    return (await this.#revocations.refuses(token)) ? 'revoked' : undefined
  }

  /** For the token of a connection: who has a lease is told of revocations, so none is looked up. */
  #checkLease(token: Token): Reason | undefined {
    if (token.expiresAt <= this.context.clock.now()) return 'expired'
    return this.#ending.values().some((each) => concerns(each, token)) ? 'revoked' : undefined
  }

  #refuse({ app, socketId }: ConnectionView, reason: Reason): Reject {
    this.#refused[reason].count++
    this.context.log.debug({ appId: app?.id, socketId, reason }, 'token refused')
    return reject(app ? messageOf(reason) : errorOf(reason))
  }

  /** Ends this node's connections that rest on what was revoked, on any node. */
  #endRevoked(revocation: Revocation): void {
    this.#ending.add(revocation)
    this.context.inSlices([...this.#leases.all(), undefined], (lease) => {
      if (!lease) this.#ending.delete(revocation)
      else if (concerns(revocation, lease.token) && this.#leases.has(lease))
        lease.conn.disconnect(messageOf('revoked'))
    })
  }

  #settingsOf({ id }: AppView): Settings {
    return this.#settings.byApp.get(id) ?? this.#settings.general
  }

  #ringOf(app: AppView): Keyring {
    let ring = this.#rings.get(app)
    if (!ring) this.#rings.set(app, (ring = new Keyring(this.#settingsOf(app), this.context)))
    return ring
  }

  #warn(): void {
    const { general, byApp } = this.#settings
    for (const [app, { legacyJwtSignedWithKey }] of [['all', general] as const, ...byApp])
      if (legacyJwtSignedWithKey)
        this.context.log.warn(
          { app },
          'tokens signed with the key of an app are accepted: the key is public, anybody can make them',
        )
  }
}

/** The token of a join counts before that of the connection; raw values may be in either. */
function mergeFound(found: Found, foundAtConnect: Found | undefined): Found {
  if (!foundAtConnect) return found
  const jwts = found.jwts.length > 0 ? found.jwts : foundAtConnect.jwts
  return { jwts, raws: [...found.raws, ...foundAtConnect.raws] }
}

function refusalCounters({ counter }: PluginContext) {
  const entries = Object.entries(TOKEN_REFUSALS).map(
    ([reason, text]) => [reason, counter(`tokens_refused_${reason}`, text)] as const,
  )
  return Object.fromEntries(entries) as Record<Reason, (typeof entries)[number][1]>
}

/** Until every token that was issued before has expired, however far the clocks are apart. */
const revocationSeconds = ({ maxLifetimeSeconds, clockToleranceSeconds }: Settings): number =>
  maxLifetimeSeconds + 2 * Math.ceil(clockToleranceSeconds)
