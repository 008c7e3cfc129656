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
import { verify } from './token'
import { isSignature, WAYS, type Found } from './ways'

export type { GuardianOptions } from './options'

/** A channel that a token let the connection into. */
type Seat = { readonly mayPublish: boolean; readonly lease: Lease | undefined }

type Locals = {
  /** The token that the connection came with. */
  grant: Grant | undefined
  /** What the connection came with, where a join says later whose app it is for. */
  carried: Found | undefined
  lease: Lease | undefined
  /** By channel; made with the first. Channels that a signature let it into are not here. */
  seats: Map<string, Seat> | undefined
  /** What was allowed last and is not a subscription yet; another plugin may still refuse. */
  pending:
    { readonly channel: string; readonly token: Token; readonly mayPublish: boolean } | undefined
}

type Connection = ConnectionView<Locals>

/** @throws Error (at the start) that names the option which can't be used */
export function guardian(options: GuardianOptions = {}): Plugin<Locals> {
  return definePlugin({
    name: 'guardian',
    carillon: 1,
    locals: (): Locals => ({
      grant: undefined,
      carried: undefined,
      lease: undefined,
      seats: undefined,
      pending: undefined,
    }),
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
  readonly #accepted
  readonly #refused

  constructor(
    readonly context: PluginContext,
    options: GuardianOptions,
  ) {
    this.#settings = readOptions(options)
    this.#revocations = new Revocations(context.store)
    this.#leases = new Leases(context.clock, ({ conn }) =>
      conn.disconnect('The token has expired', { toReconnect: true }),
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
      all: () => this.#revocations.all(),
      remove: (id) => this.#revocations.remove(id),
    })
  }

  hooks(): ReturnType<Plugin<Locals>['setup']> {
    return {
      connect: (conn, request) => {
        const found = WAYS.connect.find(request)
        if (found.jwts.length === 0) return undefined
        if (conn.app) return this.#arrive(conn, conn.app, found)
        conn.locals.carried = found
        return undefined
      },
      connected: (conn) => {
        const { locals } = conn
        if (locals.grant) locals.lease = this.#lease(conn, locals.grant.token)
      },
      subscribe: (conn, request) => this.#checkPublic(conn, request),
      authorize: (conn, request) => this.#authorize(conn, request),
      subscribed: (conn, { channel }) => this.#seat(conn, channel),
      unsubscribed: ({ locals }, { channel }) => {
        const lease = locals.seats?.get(channel)?.lease
        if (lease) this.#leases.end(lease)
        locals.seats?.delete(channel)
      },
      clientEvent: ({ locals }, { channel }) => {
        if (locals.seats?.get(channel)?.mayPublish === false) return MAY_NOT_PUBLISH
      },
      disconnected: ({ locals }) => {
        if (locals.lease) this.#leases.end(locals.lease)
      },
    }
  }

  async #arrive(conn: Connection, app: AppView, found: Found): Promise<Reject | undefined> {
    const grant = await this.#verified(app, found)
    if (typeof grant === 'string') return this.#refuse(conn, grant)
    conn.locals.grant = grant
    return undefined
  }

  /** Waits only where the subscription brings a token of its own. */
  #authorize(
    conn: Connection,
    request: SubscribeRequest,
  ): Promise<Reject | Allow | undefined> | Reject | Allow | undefined {
    const { locals } = conn
    locals.pending = undefined
    const found = brought(WAYS.subscribe.find(request), locals.carried)
    if (found.jwts.length > 0)
      return this.#verified(request.app, found).then((grant) =>
        typeof grant === 'string' ? this.#refuse(conn, grant) : this.#admit(conn, request, grant),
      )
    if (!locals.grant) return undefined
    const signed = isSignature(request.auth)
    if (signed && !matches(locals.grant.listen, WAYS.subscribe.names(request))) return undefined
    const reason = this.#overdue(locals.grant.token)
    return reason ? this.#refuse(conn, reason) : this.#admit(conn, request, locals.grant)
  }

  /** ExPusherLite looks at the token of a join also where none is needed. */
  #checkPublic(
    conn: Connection,
    request: SubscribeRequest,
  ): Promise<Reject | undefined> | undefined {
    const found = WAYS.subscribe.find(request)
    if (conn.app || !request.channel.startsWith('public:') || found.jwts.length === 0)
      return undefined
    return this.#verified(request.app, found).then((grant) =>
      typeof grant === 'string' ? this.#refuse(conn, grant) : undefined,
    )
  }

  #admit(conn: Connection, request: SubscribeRequest, grant: Grant): Reject | Allow | undefined {
    const { channel } = request
    const { token, listen, publish, channelData } = grant
    const names = WAYS.subscribe.names(request)
    // Who has the wrong token is answered like who has none: as ExPusherLite does.
    if (!matches(listen, names) && !conn.app) return undefined
    if (!matches(listen, names))
      return reject(`The token does not let its bearer listen to ${channel}`)
    if (channelData === undefined && channel.startsWith('presence-'))
      return reject(`The token does not say who its bearer is (sub), which ${channel} needs`)
    conn.locals.pending = { channel, token, mayPublish: matches(publish, names) }
    return allow(channelData === undefined ? {} : { channelData })
  }

  #seat(conn: Connection, channel: string): void {
    const { locals } = conn
    const { pending } = locals
    locals.pending = undefined
    if (pending?.channel !== channel) return
    const { token, mayPublish } = pending
    const lease = token === locals.grant?.token ? undefined : this.#lease(conn, token)
    if (conn.closed) return
    locals.seats ??= new Map()
    locals.seats.set(channel, { mayPublish, lease })
  }

  /** A token may have been revoked while other plugins thought. */
  #lease(conn: Connection, token: Token): Lease | undefined {
    if (this.#revocations.refuses(token)) conn.disconnect(textOf('revoked'))
    return conn.closed ? undefined : this.#leases.begin(conn, token)
  }

  async #verified(app: AppView, { jwts, raws }: Found): Promise<Grant | Reason> {
    const [jwt = '', ...more] = jwts
    if (more.length > 0) return 'many'
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

  #refuse({ app, socketId }: Connection, reason: Reason): Reject {
    this.#refused[reason].count++
    this.context.log.debug({ appId: app?.id, socketId, reason }, 'token refused')
    return reject(app ? textOf(reason) : wordOf(reason))
  }

  #revoke(revocation: Revocation) {
    const named = this.#revocations.add(revocation)
    for (const { conn } of this.#leases.where((token) => concerns(revocation, token)))
      conn.disconnect(textOf('revoked'))
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
