/**
 * One request to an endpoint. The address is looked at when the connection is made, after its name was
 * resolved, so that a name cannot lead where no webhook may go. Redirects are not followed; of the
 * answer only the status counts, and its body is read no further than keeping the connection is worth.
 */
import { dns } from 'bun'
import type { LookupAddress, LookupOptions } from 'node:dns'
import type { Agent, IncomingMessage } from 'node:http'
import type { NetworkRules } from '../core/networks'
import type { Clock } from '../core/types'

export type PostRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What came of it: `status` where there was an answer, `error` where it was not 2xx. */
export type Outcome = { readonly status: number | null; readonly error: string | null }

type Resolved = (cause: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
/** Asks for all addresses of a name. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  done: Resolved,
) => void

export type Poster = {
  /** Never rejects. */
  post(request: PostRequest): Promise<Outcome>
  /** Ends what is under way. */
  close(): void
}

const MAX_ANSWER_BYTES = 65_536
const ERROR_CHARS = 200

export type PosterOptions = {
  readonly clock: Clock
  readonly networks: NetworkRules
  readonly timeoutMs: number
  readonly resolve?: Resolve
}

export function createPoster({
  clock,
  networks,
  timeoutMs,
  resolve = resolveName,
}: PosterOptions): Poster {
  const open = new Set<{ destroy(cause: Error): unknown }>()
  const lookup = checkedLookup(networks, resolve)
  const agents = new Map<string, Agent>()
  const send = ({ url, headers, body }: PostRequest, done: (outcome: Outcome) => void): void => {
    const target = new URL(url)
    const refused = networks.urlDenial(target)
    if (refused !== undefined) return done({ status: null, error: refused })
    const { protocol } = target
    const { request, Agent } = clientOf(protocol)
    const agent = agents.get(protocol) ?? new Agent({ keepAlive: true })
    agents.set(protocol, agent)
    const client = request(target, { method: 'POST', headers, agent, lookup: lookup as never })
    let status: number | null = null
    let ended = false
    const end = (error: string | null): void => {
      if (ended) return
      ended = true
      cancel()
      open.delete(client)
      done({ status, error: status === null ? error : errorOf(status) })
    }
    const cancel = clock.after(timeoutMs, () => {
      client.destroy()
      end(`no answer within ${timeoutMs} ms`)
    })
    open.add(client)
    client.on('error', (cause) => end(cause.message.slice(0, ERROR_CHARS)))
    client.on('response', (response) => {
      status = response.statusCode ?? null
      drain(response, () => client.destroy(), end)
    })
    // Another protocol was not asked for; without a listener, such an answer would be none at all.
    client.on('upgrade', ({ statusCode }, socket) => {
      status = statusCode ?? null
      socket.destroy()
      end(null)
    })
    client.end(body)
  }
  return {
    post: (request) =>
      new Promise((resolve) => {
        try {
          send(request, resolve)
        } catch (cause) {
          resolve({ status: null, error: String(cause).slice(0, ERROR_CHARS) })
        }
      }),
    close: () => {
      for (const client of open) client.destroy(new Error('the server stops'))
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

/** Loaded for the first request: a server without webhooks starts without them. */
const clientOf = (protocol: string) =>
  process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http')

/**
 * By the hosts file and DNS, without threads: those are few and shared, and names whose servers never
 * answer would hold them for ten seconds each, with everybody else's lookups behind them.
 */
const resolveName: Resolve = (hostname, _, done) =>
  void dns.lookup(hostname, { backend: 'c-ares' }).then(
    (addresses) => done(null, addresses),
    (cause: Error) => done(new Error(`${hostname}: ${cause.message}`, { cause }), []),
  )

function drain(
  response: IncomingMessage,
  cut: () => void,
  end: (error: string | null) => void,
): void {
  let bytes = 0
  response.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) cut()
  })
  response.on('error', () => undefined) // the close below says the same
  response.on('close', () => end(null))
}

const errorOf = (status: number): string | null =>
  status >= 200 && status < 300 ? null : `answered ${status}`

/** Fails for a name with an address that is refused; the connection is made to what was looked at. */
function checkedLookup(networks: NetworkRules, resolve: Resolve) {
  return (hostname: string, options: LookupOptions, done: (...found: unknown[]) => void): void =>
    resolve(hostname, { ...options, all: true }, (cause, addresses) => {
      if (cause) return done(cause)
      const refused = addresses
        .map(({ address }) => networks.addressDenial(address))
        .find((reason) => reason !== undefined)
      if (refused !== undefined) return done(new Error(`${hostname}: ${refused}`))
      if (options.all) return done(null, addresses)
      done(null, addresses[0]?.address, addresses[0]?.family)
    })
}
