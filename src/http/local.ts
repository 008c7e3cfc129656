/**
 * Locality: published credentials are good for requests of this machine only. NON_LOCAL_RULES says what
 * such a request must not be; wherever published credentials decide, it is checked here.
 * docs/operations.md, "What local means", says what cannot be detected.
 */
import { UNIX_PEER } from '../core/addresses'
import { quote, raise, refusal, type Refusal } from '../core/errors'
import type { Log } from '../core/types'
import { isLoopbackAddress, type Addresses } from './address'
import { isForeignPage } from './admin-origins'
import { ownerOfSocket, SocketOwners, type Endpoint, type SocketOwner } from './socket-owner'

/** What the rules look at. */
export type RequestSource = {
  /** Of the socket, `unix` for one that has a file; empty where it is gone. */
  readonly address: string
  readonly headers: Headers
  /** Of the process at the other end. */
  readonly user: () => SocketOwner
}

export type LocalityRules = {
  /** Names of this machine besides the loopback ones. */
  readonly hosts: readonly string[]
  /** Ids of users whose processes are local: ours and root's. */
  readonly users: readonly number[]
  /** Origins whose pages may send requests. */
  readonly origins: readonly string[] | 'any'
}

type NonLocalRule = {
  readonly name: string
  /** Why the request is not local, as the end of "the request ..."; undefined where it passes. */
  readonly reason: (source: RequestSource, rules: LocalityRules) => string | undefined
  /** What the operator can do about it. */
  readonly help: string
}

const USE_OWN_CREDENTIALS =
  'Set credentials of your own (PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET, PUSHER_ADMIN_USERNAME, PUSHER_ADMIN_PASSWORD)'
const NAME_THE_PROXY = `${USE_OWN_CREDENTIALS}, or name the proxy in CARILLON_TRUSTED_PROXIES: then the server makes its own and shows them once`

/** The cheap ones first. */
export const NON_LOCAL_RULES: readonly NonLocalRule[] = [
  {
    name: 'address',
    reason: ({ address }) =>
      isLoopbackAddress(address) || address === UNIX_PEER
        ? undefined
        : `came from ${address || 'a socket that is gone'}`,
    help: USE_OWN_CREDENTIALS,
  },
  {
    name: 'forwarded',
    reason: ({ headers }) => {
      const name = headers.keys().find((each) => FORWARDING_HEADERS.test(each))
      return name && `was forwarded (${quote(name)})`
    },
    help: NAME_THE_PROXY,
  },
  {
    name: 'host',
    reason: ({ headers }, { hosts }) => {
      const host = headers.get('host')
      if (isLocalHost(host, hosts)) return undefined
      return `asks for ${host ? `the host ${quote(host)}` : 'no host'}`
    },
    help: `${USE_OWN_CREDENTIALS}, or, where the name is this machine's, name it in CARILLON_LOCAL_HOSTS`,
  },
  {
    name: 'page',
    reason: ({ headers }, { origins }) =>
      origins !== 'any' && isForeignPage(headers, origins)
        ? `came from a page of ${quote(headers.get('origin') ?? 'another site')}`
        : undefined,
    help: USE_OWN_CREDENTIALS,
  },
  {
    name: 'user',
    reason: ({ user }, { users }) => {
      const found = user()
      if (found === 'unsupported' || (found !== 'unknown' && users.includes(found)))
        return undefined
      return found === 'unknown'
        ? 'came from a process that this machine does not tell'
        : `came from a process of another user (${found}), as through a proxy`
    },
    help: NAME_THE_PROXY,
  },
]

/** Headers in which proxies name their client: the usual ones, and those of single vendors. */
const FORWARDING_HEADERS =
  /^(?:(?:forwarded|via|client[-_]ip)$|true[-_]client[-_]ip|(?:wl[-_])?proxy[-_]client[-_]ip|do[-_]connecting[-_]ip|(?:cf|cdn|fastly|fly|tailscale)[-_]|x[-_](?:forward(?:ed)?|real[-_]ip|client[-_]ip|cluster[-_]client[-_]ip|remote[-_](?:ip|addr)|proxyuser[-_]ip|nginx[-_]proxy|(?:url[-_])?scheme|host|original|rewrite|amzn|arr|varnish|vercel|envoy|azure|appengine)(?:[-_]|$))/

/** Any port is fine: a development proxy keeps its own. Two headers are joined by a comma, which no name has. */
const LOCAL_HOST = /^(?:(?:[\w-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** True for a name or address of this machine, with any port. */
export function isLocalHost(host: string | null, hosts: readonly string[]): boolean {
  const name = (host ?? '').toLowerCase().replace(/(?:(?<=[a-z])\.)?(?::\d{0,5})?$/, '')
  return LOCAL_HOST.test(name) || hosts.includes(name)
}

/** The first rule that a request breaks, and the message for it; undefined where it is local. */
export function nonLocalReason(source: RequestSource, rules: LocalityRules) {
  for (const rule of NON_LOCAL_RULES) {
    const reason = rule.reason(source, rules)
    if (reason === undefined) continue
    const message = `The published credentials are good on this machine only, and the request ${reason}. ${rule.help}.`
    return { name: rule.name, message }
  }
  return undefined
}

/** The two ends of a connection from loopback to where the server listens. */
function endsOf(peer: Endpoint, { host, port }: { readonly host: string; readonly port: number }) {
  const ipv4 = host.startsWith('127.') ? host : '127.0.0.1'
  return { peer, own: { address: peer.address.includes(':') ? '::1' : ipv4, port } }
}

/** Who is behind the proxy on the other side of it is not known. */
const CLIENTS_SOCKET = 'the unix socket of clients'

export type LocalityOptions = {
  readonly addresses: Addresses
  /** `CARILLON_LOCAL_HOSTS`. */
  readonly hosts: readonly string[]
  /** Where the server listens. */
  readonly host: string
  readonly log: Log
}

/** Checks requests with published credentials. Owns the sockets by which it queries the system. */
export class Locality {
  readonly #owners = new SocketOwners()
  readonly #users = [0, process.getuid?.() ?? 0]
  /** Names of rules that are in the log: each is logged once. */
  readonly #loggedRules = new Set<string>()
  #isPageLogged = false

  constructor(readonly options: LocalityOptions) {}

  /** What requests were that published credentials were refused to: names of NON_LOCAL_RULES. */
  get brokenRules(): readonly string[] {
    return [...this.#loggedRules]
  }

  /** @throws RealtimeError('not_local') */
  requireLocal(request: Request, origins?: readonly string[]): void {
    const refused = this.checkRequest(request, origins)
    if (refused) raise(refused)
  }

  /** The same for sockets. Pages of any origin may connect: an application may be anywhere. */
  checkConnect(request: Request): Refusal | undefined {
    const { headers } = request
    const refused = this.checkRequest(request, 'any')
    if (refused || this.#isPageLogged || !isForeignPage(headers, [])) return refused
    this.#isPageLogged = true
    this.options.log.warn(
      { origin: quote(headers.get('origin') ?? '') },
      'a page of another origin connects to the app whose key is published; further ones are not logged',
    )
    return undefined
  }

  stop(): void {
    this.#owners.close()
  }

  /** Undefined for a local request. Pages of `origins` may send some. */
  checkRequest(request: Request, origins: LocalityRules['origins'] = []): Refusal | undefined {
    const { addresses, host, hosts, log } = this.options
    const peer = addresses.peerOf(request)
    const isClients = addresses.listenerOf(request) === undefined
    const source: RequestSource = {
      address: isClients && addresses.isUnix ? CLIENTS_SOCKET : peer.address,
      headers: request.headers,
      user: () => {
        const at = addresses.listenerOf(request)?.address ?? { host, port: addresses.port }
        return 'path' in at ? ownerOfSocket(at.path) : this.#owners.of(endsOf(peer, at))
      },
    }
    const found = nonLocalReason(source, { hosts, users: this.#users, origins })
    if (!found) return undefined
    const { name, message } = found
    // Whoever has left meanwhile, as a page that was closed, is nobody from elsewhere.
    if (source.address === '') return refusal('not_local', message)
    if (!this.#loggedRules.has(name))
      log.warn(
        { reason: message },
        'published credentials refused; further refusals for the same reason are not logged',
      )
    this.#loggedRules.add(name)
    return refusal('not_local', message)
  }
}
