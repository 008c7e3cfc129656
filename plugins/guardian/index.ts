/**
 * Guardian: channels are authorised by JSON Web Tokens, without an auth endpoint.
 *
 * A token comes in the connection's query (`guardian_token`, `csrf_token`, `guardian_csrf`, `token`)
 * or in the place of `auth` in a subscribe; with Phoenix's clients in a join's payload, or as the token
 * of phoenix.js (`authToken`). Its claim `listen` is a list of patterns of channels that
 * its bearer may subscribe to, `publish` one of those that they may send client events on, `sub` who
 * they are on presence channels. A pattern is a name, or the beginning of one and `*`.
 *
 *     guardian()                                        // HS256 to HS512 with the app's own secret
 *     guardian({ jwks: ['https://id.example/jwks.json'], issuer: 'https://id.example' })
 *     guardian({ apps: { 42: { keys: [{ key: publicPem, algorithm: 'ES256' }] } } })
 *
 * A token that is bad refuses, whatever else was sent. A subscription that carries a signature and
 * needs no token is left to the signature. `options.ts` has the options, `ways.ts` where tokens are
 * looked for, `token.ts` what is verified, `refusals.ts` the words.
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
import { matches, type Grant, type Token } from './claims'
import { Keyring } from './keyring'
import { Leases, type Lease } from './leases'
import { readOptions, type GuardianOptions, type Settings } from './options'
import { REFUSALS, textOf, wordOf, type Reason } from './refusals'
import { concerns, Revocations, type Revocation } from './revocations'
import { addRoutes } from './routes'
import { isSignature, WAYS, type Found } from './ways'

export type { GuardianOptions } from './options'

/** A channel that a token let the connection into. */
type Seat = { readonly mayPublish: boolean; readonly lease: Lease | undefined }

/** A connection that has brought a token. */
type Bearer = {
  /** The token that the connection came with. */
  grant: Grant | undefined
  /** What the connection came with, where a join says later whose app it is for. */
  carried: Found | undefined
  lease: Lease | undefined
  /** By channel. Channels that a signature let it into are not here. */
  readonly seats: Map<string, Seat>
  /** What was allowed last and is not a subscription yet; another plugin may still refuse. */
  pending:
    { readonly channel: string; readonly token: Token; readonly mayPublish: boolean } | undefined
}

const newBearer = (): Bearer => ({
  grant: undefined,
  carried: undefined,
  lease: undefined,
  seats: new Map(),
  pending: undefined,
})

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
  /** One for each app; they end with it. */
  readonly #rings = new WeakMap<AppView, Keyring>()
  readonly #revocations: Revocations
  readonly #leases: Leases
  /** Not their locals: most connections have no token, and would carry empty ones. They end with the connection. */
  readonly #bearers = new WeakMap<ConnectionView, Bearer>()
  readonly #accepted
  readonly #refused

  constructor(
    readonly context: PluginContext,
    options: GuardianOptions,
  ) {
    this.#settings = readOptions(options)
    this.#revocations = new Revocations(context.store)
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
        return app && lastingSeconds(this.#settingsOf(app))
      },
      revoke: (revocation) => this.#revoke(revocation),
      pages: () => this.#revocations.pages(),
      remove: (id) => this.#revocations.remove(id),
    })
  }

  hooks(): ReturnType<Plugin['setup']> {
    return {
      connect: (conn, request) => {
        const found = WAYS.connect.find(request)
        if (found.jwts.length === 0) return undefined
        if (conn.app) return this.#arrive(conn, conn.app, found)
        this.#bearer(conn).carried = found
        return undefined
      },
      connected: (conn) => {
        const bearer = this.#bearers.get(conn)
        if (bearer?.grant) bearer.lease = this.#lease(conn, bearer.grant.token)
      },
      subscribe: (conn, request) => this.#checkPublic(conn, request),
      authorize: (conn, request) => this.#authorize(conn, request),
      subscribed: (conn, { channel }) => this.#seat(conn, channel),
      unsubscribed: (conn, { channel }) => {
        const seats = this.#bearers.get(conn)?.seats
        const lease = seats?.get(channel)?.lease
        if (lease) this.#leases.end(lease)
        seats?.delete(channel)
      },
      clientEvent: (conn, { channel }) => {
        if (this.#bearers.get(conn)?.seats.get(channel)?.mayPublish === false)
          return MAY_NOT_PUBLISH
      },
      disconnected: (conn) => {
        const lease = this.#bearers.get(conn)?.lease
        if (lease) this.#leases.end(lease)
      },
    }
  }

  #bearer(conn: ConnectionView): Bearer {
    let bearer = this.#bearers.get(conn)
    if (!bearer) this.#bearers.set(conn, (bearer = newBearer()))
    return bearer
  }

  async #arrive(conn: ConnectionView, app: AppView, found: Found): Promise<Reject | undefined> {
    const grant = await this.#verified(app, found)
    if (typeof grant === 'string') return this.#refuse(conn, grant)
    this.#bearer(conn).grant = grant
    return undefined
  }

  /** Waits only where the subscription brings a token of its own. */
  #authorize(
    conn: ConnectionView,
    request: SubscribeRequest,
  ): Promise<Reject | Allow | undefined> | Reject | Allow | undefined {
    const bearer = this.#bearers.get(conn)
    if (bearer) bearer.pending = undefined
    const found = brought(WAYS.subscribe.find(request), bearer?.carried)
    if (found.jwts.length > 0)
      return this.#verified(request.app, found).then((grant) =>
        typeof grant === 'string' ? this.#refuse(conn, grant) : this.#admit(conn, request, grant),
      )
    if (!bearer?.grant) return undefined
    const signed = isSignature(request.auth)
    if (signed && !matches(bearer.grant.listen, WAYS.subscribe.names(request))) return undefined
    const reason = this.#overdue(bearer.grant.token)
    return reason ? this.#refuse(conn, reason) : this.#admit(conn, request, bearer.grant)
  }

  /** ExPusherLite looks at the token of a join also where none is needed. */
  #checkPublic(
    conn: ConnectionView,
    request: SubscribeRequest,
  ): Promise<Reject | undefined> | undefined {
    const found = WAYS.subscribe.find(request)
    if (conn.app || !request.channel.startsWith('public:') || found.jwts.length === 0)
      return undefined
    return this.#verified(request.app, found).then((grant) =>
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
    const names = WAYS.subscribe.names(request)
    // Who has the wrong token is answered like who has none: as ExPusherLite does.
    if (!matches(listen, names) && !conn.app) return undefined
    if (!matches(listen, names))
      return reject(`The token does not let its bearer listen to ${channel}`)
    if (channelData === undefined && channel.startsWith('presence-'))
      return reject(`The token does not say who its bearer is (sub), which ${channel} needs`)
    this.#bearer(conn).pending = { channel, token, mayPublish: matches(publish, names) }
    return allow(channelData === undefined ? {} : { channelData })
  }

  #seat(conn: ConnectionView, channel: string): void {
    const bearer = this.#bearers.get(conn)
    if (!bearer) return
    const { pending } = bearer
    bearer.pending = undefined
    if (pending?.channel !== channel) return
    const { token, mayPublish } = pending
    const lease = token === bearer.grant?.token ? undefined : this.#lease(conn, token)
    if (conn.closed) return
    bearer.seats.set(channel, { mayPublish, lease })
  }

  /** A token may have been revoked while other plugins thought. */
  #lease(conn: ConnectionView, token: Token): Lease | undefined {
    if (this.#revocations.refuses(token)) conn.disconnect(textOf('revoked'))
    return conn.closed ? undefined : this.#leases.begin(conn, token)
  }

  async #verified(app: AppView, { jwts, raws }: Found): Promise<Grant | Reason> {
    const [jwt = '', ...more] = jwts
    if (more.length > 0) return 'many'
    const { verify } = await import('./token') // with jose, for those who send tokens
    const now = this.context.clock.now()
    const grant = await verify({ jwt, raws }, { app, keyring: this.#ringOf(app), now })
    if (typeof grant === 'string') return grant
    const reason = this.#overdue(grant.token)
    if (!reason) this.#accepted.count++
    return reason ?? grant
  }

  #overdue(token: Token): Reason | undefined {
    if (token.expiresAt <= this.context.clock.now()) return 'expired'
    return this.#revocations.refuses(token) ? 'revoked' : undefined
  }

  #refuse({ app, socketId }: ConnectionView, reason: Reason): Reject {
    this.#refused[reason].count++
    this.context.log.debug({ appId: app?.id, socketId, reason }, 'token refused')
    return reject(app ? textOf(reason) : wordOf(reason))
  }

  #revoke(revocation: Revocation) {
    const named = this.#revocations.add(revocation)
    this.context.inSlices(this.#leases.all(), (lease) => {
      if (concerns(revocation, lease.token) && this.#leases.has(lease))
        lease.conn.disconnect(textOf('revoked'))
    })
    return named
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

/** The token of a join counts before that of the connection; raw values may come with either. */
function brought(found: Found, carried: Found | undefined): Found {
  if (!carried) return found
  const jwts = found.jwts.length > 0 ? found.jwts : carried.jwts
  return { jwts, raws: [...found.raws, ...carried.raws] }
}

function refusalCounters({ counter }: PluginContext) {
  const entries = Object.entries(REFUSALS).map(
    ([reason, text]) => [reason, counter(`tokens_refused_${reason}`, text)] as const,
  )
  return Object.fromEntries(entries) as Record<Reason, (typeof entries)[number][1]>
}

/** Until every token is over that was issued before, however far the clocks are apart. */
const lastingSeconds = ({ maxLifetimeSeconds, clockToleranceSeconds }: Settings): number =>
  maxLifetimeSeconds + 2 * Math.ceil(clockToleranceSeconds)
