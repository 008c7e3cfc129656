/**
 * Origin check: which web pages may connect, by the rules of Phoenix's `check_origin`. Browsers put a page's
 * origin into `Origin`, and pages cannot change it. Other clients can send anything: this keeps foreign pages
 * from abusing their visitors, authenticates nobody, and lets clients without `Origin` in (apps, servers).
 *
 *     plugins: [originCheck({ hosts: ['https://example.org', '//*.example.org', 'conn'] })]
 *
 * An app's own `hosts` count; where it has none, those of the options. An empty list lets all in.
 *
 * - `//host`, `//host:8080`: what a pattern leaves out may be anything.
 * - `https://host`: a scheme has its default port, so only 443. Other schemes of pages
 *   (`capacitor://localhost`) have none.
 * - `//*.host`: the host itself and all below it.
 * - `conn`: the page has the scheme, host and port that it connects to. A proxy in front has to pass `Host`
 *   on, and `x-forwarded-proto` where it ends TLS. Whoever can make a name point here passes (DNS
 *   rebinding): name your host where that matters.
 *
 * Phoenix sockets are refused with 403, or at the join where that names the app and some app has `hosts`;
 * connections from before `hosts` were first set are not checked again. An origin without host (`null`)
 * matches no pattern. After the refusal, 4009, clients stay away; the log says how to let an origin in.
 */
import {
  definePlugin,
  reject,
  type AppView,
  type ConnectRequest,
  type Plugin,
  type PluginContext,
} from 'carillon/plugin'

export type OriginCheckOptions = {
  /** For apps without `hosts` of their own. Empty, as by default: every origin may connect. */
  readonly hosts?: readonly string[]
}

/** `connectRequest` is kept for a Phoenix socket whose joins name their app later. */
type Locals = { connectRequest: ConnectRequest | undefined }

const JOIN_REFUSED = reject('origin not allowed')
const UPGRADE_REFUSED = reject("Origin not allowed; the server's log says how to allow it")

/** @throws Error, at the server's start, for an unknown option or a pattern that matches nothing */
export function originCheck(options: OriginCheckOptions = {}): Plugin<Locals> {
  return definePlugin({
    name: 'origin-check',
    carillon: 1,
    enforces: { hosts: describeMistake },
    locals: (): Locals => ({ connectRequest: undefined }),
    setup(context) {
      const generalHosts = readOptions(options)
      const rulesOf = createRuleBook(context)
      const report = createReporter(context)
      const refuses = (app: AppView | undefined, request: ConnectRequest): boolean => {
        const own = app !== undefined && app.hosts.length > 0
        const hosts = own ? app.hosts : generalHosts
        if (hosts.length === 0) return false
        const origin = request.headers.get('origin')
        if (origin === null || allows(rulesOf(hosts), origin, request)) return false
        report({ app, own, hosts, origin, addressedAs: addressOf(request) })
        return true
      }
      const anyAppHasHosts = (): boolean =>
        [...context.apps.all()].some(({ hosts }) => hosts.length > 0)
      return {
        upgrade(conn, request) {
          if (request.appComesLater && anyAppHasHosts()) conn.locals.connectRequest = request
          else if (refuses(conn.app, request)) return UPGRADE_REFUSED
        },
        subscribe(conn, request) {
          if (conn.app !== undefined) return undefined
          const { connectRequest } = conn.locals
          if (connectRequest && refuses(request.app, connectRequest)) return JOIN_REFUSED
        },
      }
    },
  })
}

/** The configuration file is not type-checked when it runs; a typo must not let every page in. */
function readOptions({ hosts = [], ...unknown }: OriginCheckOptions): readonly string[] {
  for (const name of Object.keys(unknown))
    throw new Error(`the option ${name} is unknown; known is hosts`)
  if (!Array.isArray(hosts)) throw new Error('hosts: expected a list of patterns')
  for (const pattern of hosts) {
    const mistake = typeof pattern === 'string' ? describeMistake(pattern) : 'expected text'
    if (mistake !== undefined)
      throw new Error(`hosts has ${JSON.stringify(pattern)?.slice(0, 100)}: ${mistake}`)
  }
  return hosts
}

// ---------------------------------------------------------------- origins

/** All in lower case; the port is the scheme's own where none was named, if it has one. */
type Origin = { readonly scheme: string; readonly host: string; readonly port: number | undefined }

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
])

/** Labels of ASCII (browsers send punycode), none empty but for a final dot; addresses as they are. */
const HOST = String.raw`\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?`
const WHOLE_HOST = new RegExp(`^(?:${HOST})$`, 'i')
/** An origin as browsers send it: no user, no path, no second origin. */
const ORIGIN = new RegExp(String.raw`^([a-z][a-z\d+.-]*)://(${HOST})(?::(\d+))?$`, 'i')

function parseOrigin(text: string): Origin | undefined {
  const [, scheme, host, portText] = ORIGIN.exec(text) ?? []
  if (scheme === undefined || host === undefined) return undefined
  const port = portText === undefined ? undefined : parsePort(portText)
  if (portText !== undefined && port === undefined) return undefined
  return {
    scheme: scheme.toLowerCase(),
    host: host.toLowerCase(),
    port: port ?? DEFAULT_PORTS.get(scheme.toLowerCase()),
  }
}

const parsePort = (text: string): number | undefined =>
  /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined

/** Proxies name the scheme of a socket where that of its page is meant. */
const PAGE_SCHEMES: ReadonlyMap<string, string> = new Map([
  ['ws', 'http'],
  ['wss', 'https'],
])

/**
 * This server's origin as the client addressed it. `x-forwarded-proto` is believed from any sender: a page
 * cannot send it, and whoever can could send another `Origin`, too.
 */
function addressOf({ headers, url }: ConnectRequest): string {
  const forwarded = headers.get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase()
  const scheme = forwarded || url.slice(0, url.indexOf(':'))
  return `${PAGE_SCHEMES.get(scheme) ?? scheme}://${headers.get('host') ?? ''}`
}

// ---------------------------------------------------------------- patterns

/** Undefined matches any. */
type Pattern = {
  readonly scheme: string | undefined
  readonly host: string
  /** The end of hosts below; it begins with a dot, or another host could end alike. */
  readonly below: string | undefined
  readonly port: number | undefined
}

type Rules = { readonly patterns: readonly Pattern[]; readonly conn: boolean }

const CONN = 'conn'

function allows({ patterns, conn }: Rules, text: string, request: ConnectRequest): boolean {
  const origin = parseOrigin(text)
  if (!origin) return false
  if (patterns.some((pattern) => matches(pattern, origin))) return true
  const serverOrigin = conn ? parseOrigin(addressOf(request)) : undefined
  return serverOrigin !== undefined && isSame(serverOrigin, origin)
}

const matches = ({ scheme, host, below, port }: Pattern, origin: Origin): boolean =>
  (scheme === undefined || scheme === origin.scheme) &&
  (port === undefined || port === origin.port) &&
  (host === origin.host || (below !== undefined && origin.host.endsWith(below)))

const isSame = (one: Origin, other: Origin): boolean =>
  one.scheme === other.scheme && one.host === other.host && one.port === other.port

/**
 * Rules by list. An app's list is replaced when it changes, never written to, so each is parsed once and
 * forgotten with it. A bad entry, from before this plugin, matches nothing.
 */
function createRuleBook({ log }: PluginContext): (hosts: readonly string[]) => Rules {
  const book = new WeakMap<readonly string[], Rules>()
  return (hosts) => {
    let rules = book.get(hosts)
    if (rules) return rules
    const good = hosts.filter((text) => describeMistake(text) === undefined)
    if (good.length < hosts.length) log.warn({ hosts }, 'hosts hold patterns that match no origin')
    const patterns = good
      .filter((text) => text !== CONN)
      .map((text) => patternOf(parseParts(text)!))
    book.set(hosts, (rules = { patterns, conn: good.includes(CONN) }))
    return rules
  }
}

/** A pattern as it was written; `host` is without its wildcard. */
type Parts = {
  readonly scheme: string | undefined
  readonly wildcard: boolean
  readonly host: string
  readonly port: string | undefined
}

const PARTS = /^(?:([a-z][a-z\d+.-]*):)?\/\/(\*\.)?(\[[^\]]*\]|[^:]*)(?::(.*))?$/is

function parseParts(text: string): Parts | undefined {
  const found = PARTS.exec(text)
  if (!found) return undefined
  const [, scheme, wildcard, host = '', port] = found
  return { scheme: scheme?.toLowerCase(), wildcard: wildcard !== undefined, host, port }
}

/** The host as browsers write it: `bücher.example` is `xn--bcher-kva.example`, `[0::1]` is `[::1]`. */
function canonicalHost(host: string): string | undefined {
  const written = URL.parse(`http://${host}`)?.hostname
  return written !== undefined && WHOLE_HOST.test(written) ? written : undefined
}

const isAddress = (host: string): boolean => /^(\[.*|[\d.]+)$/.test(canonicalHost(host) ?? '')

const NO_PATTERN = 'expected //host or scheme://host, with or without :port, or conn'

/** Mistakes of patterns; the first that applies is reported. */
const MISTAKES: readonly (readonly [message: string, applies: (parts: Parts) => boolean])[] = [
  [
    'pages have http or https where sockets have ws or wss',
    ({ scheme }) => scheme === 'ws' || scheme === 'wss',
  ],
  [
    'an origin is scheme, host and port, nothing else',
    ({ host, port = '' }) => /[\s/\\?#@]/.test(host + port),
  ],
  [
    'expected a port from 1 to 65535',
    ({ port }) => port !== undefined && parsePort(port) === undefined,
  ],
  [
    'a wildcard stands for whole labels at the beginning, as in //*.example.org',
    ({ host }) => host.includes('*'),
  ],
  ['has no host; expected one as in //example.org', ({ host }) => !canonicalHost(host)],
  ['nothing is below an address', ({ wildcard, host }) => wildcard && isAddress(host)],
]

/** The mistake of one entry of a list, if any. */
function describeMistake(text: string): string | undefined {
  if (text === CONN) return undefined
  const parts = parseParts(text)
  return parts ? MISTAKES.find(([, applies]) => applies(parts))?.[0] : NO_PATTERN
}

/** The pattern of parts without a mistake. */
function patternOf({ scheme, wildcard, host: written, port }: Parts): Pattern {
  const host = canonicalHost(written)!
  return {
    scheme,
    host,
    below: wildcard ? `.${host}` : undefined,
    port: port === undefined ? DEFAULT_PORTS.get(scheme ?? '') : parsePort(port),
  }
}

// ---------------------------------------------------------------- the log

type RefusedOrigin = {
  readonly app: AppView | undefined
  /** True where the list is the app's own. */
  readonly own: boolean
  readonly hosts: readonly string[]
  readonly origin: string
  readonly addressedAs: string
}

/** Anybody can make origins up, so the log is limited: one line per origin, so many per app and hour. */
const LOG_LINES = { perApp: 20, everyMs: 3_600_000 }

function createReporter({ log, clock, counter }: PluginContext): (refused: RefusedOrigin) => void {
  const unlogged = counter('unlogged', 'Refusals that have no log line of their own')
  const loggedByApp = new Map<string, Set<string>>()
  clock.every(LOG_LINES.everyMs, () => loggedByApp.clear())
  return (refused) => {
    const appId = refused.app?.id
    const origin = printable(refused.origin)
    const logged = loggedByApp.get(appId ?? '') ?? new Set()
    if (logged.has(origin) || logged.size >= LOG_LINES.perApp) {
      unlogged.count++
      return
    }
    loggedByApp.set(appId ?? '', logged.add(origin))
    const addressedAs = printable(refused.addressedAs)
    const toAllow = advice({ ...refused, origin })
    log.warn({ appId, origin, addressedAs, allowed: refused.hosts, toAllow }, 'origin refused')
    if (logged.size === LOG_LINES.perApp)
      log.warn({ appId }, 'other origins of this app are counted for an hour, not logged')
  }
}

/** Text from outside for the log: short, and without control characters. */
const printable = (text: string): string => text.slice(0, 200).replace(/[^\x20-\x7e]/g, '?')

function advice({ app, own, origin }: RefusedOrigin): string {
  if (!parseOrigin(origin)) return 'no pattern can: it is not scheme, host and port'
  const field = app && `the hosts of app ${app.slug} (PATCH /api/admin/apps/${app.slug})`
  const option = 'the hosts of originCheck() in carillon.config.ts'
  if (own) return `add ${origin} to ${field}`
  return `add ${origin} to ${option}${field ? `, or list all that this app allows in ${field}` : ''}`
}
