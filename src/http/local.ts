/**
 * Local means local: the published credentials are worth something to a developer on this machine and
 * nothing to anybody else. STRANGE says what a local request must not be; every way in by published
 * credentials asks here. docs/operations.md, "What local means", says what cannot be told.
 */
import { quote, raise, refusal, type Refusal } from '../core/errors'
import type { Log } from '../core/types'
import { isLoopbackAddress, type Addresses } from './address'
import { isForeignPage } from './admin-origins'
import { SocketOwners } from './socket-owner'

/** A request, as far as it matters here. */
export type Coming = {
  /** Of the socket; empty where it is gone. */
  readonly address: string
  readonly headers: Headers
  /** Whose process is at the other end: a user id; `unknown` where it should be told and is not, `untold` where nothing is. */
  readonly user: () => number | 'unknown' | 'untold'
}

export type LocalRules = {
  /** Names of this machine besides the loopback ones. */
  readonly hosts: readonly string[]
  /** Whose processes are local: ours and root's. */
  readonly users: readonly number[]
  /** Origins whose pages may ask; undefined for any page. */
  readonly origins: readonly string[] | undefined
}

type Strange = {
  readonly name: string
  /** What is strange about it, as the end of "the request ..."; undefined for nothing. */
  readonly why: (coming: Coming, rules: LocalRules) => string | undefined
  /** What to do about it. */
  readonly help: string
}

const OWN =
  'Set credentials of your own (PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET, PUSHER_ADMIN_USERNAME, PUSHER_ADMIN_PASSWORD)'
const PROXY = `${OWN}, or name the proxy in CARILLON_TRUSTED_PROXIES: then the server makes its own and shows them once`

/** In the order in which they are cheap to tell. */
export const STRANGE: readonly Strange[] = [
  {
    name: 'address',
    why: ({ address }) =>
      isLoopbackAddress(address) ? undefined : `came from ${address || 'a socket that is gone'}`,
    help: OWN,
  },
  {
    name: 'forwarded',
    why: ({ headers }) => {
      const name = forwardedBy(headers)
      return name && `was forwarded (${quote(name)})`
    },
    help: PROXY,
  },
  {
    name: 'host',
    why: ({ headers }, { hosts }) => {
      const host = headers.get('host')
      if (isLocalHost(host, hosts)) return undefined
      return `asks for ${host ? `the host ${quote(host)}` : 'no host'}`
    },
    help: `${OWN}, or, where the name is this machine's, name it in CARILLON_LOCAL_HOSTS`,
  },
  {
    name: 'page',
    why: ({ headers }, { origins }) =>
      origins && isForeignPage(headers, origins)
        ? `came from a page of ${quote(headers.get('origin') ?? 'another site')}`
        : undefined,
    help: OWN,
  },
  {
    name: 'user',
    why: ({ user }, { users }) => {
      const found = user()
      if (found === 'untold' || (found !== 'unknown' && users.includes(found))) return undefined
      return found === 'unknown'
        ? 'came from a process that this machine does not tell'
        : `came from a process of another user (${found}), as through a proxy`
    },
    help: PROXY,
  },
]

/** What proxies say of whom they speak for: the usual names, and their siblings of single vendors. */
const FORWARDED =
  /^(?:(?:forwarded|via|client[-_]ip)$|true[-_]client[-_]ip|(?:wl[-_])?proxy[-_]client[-_]ip|do[-_]connecting[-_]ip|(?:cf|cdn|fastly|fly|tailscale)[-_]|x[-_](?:forward(?:ed)?|real[-_]ip|client[-_]ip|cluster[-_]client[-_]ip|remote[-_](?:ip|addr)|proxyuser[-_]ip|nginx[-_]proxy|(?:url[-_])?scheme|host|original|rewrite|amzn|arr|varnish|vercel|envoy|azure|appengine)(?:[-_]|$))/

function forwardedBy(headers: Headers): string | undefined {
  for (const name of headers.keys()) if (FORWARDED.test(name)) return name
  return undefined
}

/** A port does not matter: a development proxy keeps its own. Two headers come as one with a comma, which is no name. */
const LOCAL_HOST = /^(?:(?:[\w-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

function isLocalHost(host: string | null, hosts: readonly string[]): boolean {
  const name =
    host
      ?.toLowerCase()
      .replace(/:\d{0,5}$/, '')
      .replace(/(?<=[a-z])\.$/, '') ?? ''
  return LOCAL_HOST.test(name) || hosts.includes(name)
}

/** Which row makes a request strange, and why and what to do about it in words; undefined where it is local. */
export function strangeness(coming: Coming, rules: LocalRules) {
  for (const { name, why, help } of STRANGE) {
    const told = why(coming, rules)
    if (told === undefined) continue
    const message = `The published credentials are good on this machine only, and the request ${told}. ${help}.`
    return { name, message }
  }
  return undefined
}

export type LocalityOptions = {
  readonly addresses: Addresses
  /** `CARILLON_LOCAL_HOSTS`. */
  readonly hosts: readonly string[]
  /** Where the server listens. */
  readonly host: string
  readonly log: Log
}

/** Asked wherever published credentials decide, and only there. Owns the sockets that it asks the system by. */
export class Locality {
  readonly #options: LocalityOptions
  readonly #owners = new SocketOwners()
  readonly #users = [0, process.getuid?.() ?? 0]
  /** Names of rows. Another reason is news: a page may have come before the proxy. */
  readonly #told = new Set<string>()
  #isPageTold = false

  constructor(options: LocalityOptions) {
    this.#options = options
  }

  /** Why a request is not local. Pages may ask whose origin is in `origins`. */
  refusalOf(request: Request, origins: readonly string[] = []): Refusal | undefined {
    const message = this.#strangeness(request, origins)
    return message === undefined ? undefined : refusal('not_local', message)
  }

  /** The same, thrown. @throws RealtimeError('not_local') */
  check(request: Request, origins?: readonly string[]): void {
    const refused = this.refusalOf(request, origins)
    if (refused) raise(refused)
  }

  /** Why somebody may not connect; a page may be anywhere, as the application that it belongs to. */
  connectRefusalOf(request: Request): Refusal | undefined {
    const message = this.#strangeness(request, undefined)
    if (message !== undefined) return refusal('not_local', message)
    this.#tellPage(request.headers)
    return undefined
  }

  stop(): void {
    this.#owners.close()
  }

  #strangeness(request: Request, origins: readonly string[] | undefined): string | undefined {
    const { addresses, hosts, log } = this.#options
    const peer = addresses.peerOf(request)
    const coming: Coming = {
      address: peer.address,
      headers: request.headers,
      user: () => {
        if (!this.#owners.areTold) return 'untold'
        return this.#owners.of({ peer, own: this.#ownEnd(peer.address) }) ?? 'unknown'
      },
    }
    const strange = strangeness(coming, { hosts, users: this.#users, origins })
    if (!strange) return undefined
    const { name, message } = strange
    if (!this.#told.has(name))
      log.warn(
        { reason: message },
        'published credentials refused; further refusals for the same reason are not logged',
      )
    this.#told.add(name)
    return message
  }

  #ownEnd(peerAddress: string) {
    const { addresses, host } = this.#options
    const own = host.startsWith('127.') ? host : '127.0.0.1'
    return { address: peerAddress.includes(':') ? '::1' : own, port: addresses.port }
  }

  #tellPage(headers: Headers): void {
    if (this.#isPageTold || !isForeignPage(headers, [])) return
    this.#isPageTold = true
    this.#options.log.warn(
      { origin: quote(headers.get('origin') ?? '') },
      'a page of another origin connects to the app whose key is published; further ones are not logged',
    )
  }
}
