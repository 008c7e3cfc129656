/**
 * Post: sends one request to an endpoint. Addresses are checked when a connection is made, after the name
 * was resolved, so that a name cannot lead to a forbidden network. Redirects are not followed. Of the
 * response only the status counts; its body is read so that the connection can be kept, up to a limit, and its
 * beginning is shown to admins.
 */
import { dns } from 'bun'
import type { LookupAddress, LookupOptions } from 'node:dns'
import type { Agent, IncomingMessage } from 'node:http'
import type { Attempt } from '../core/deliveries'
import type { NetworkRules } from '../core/networks'
import type { Clock } from '../core/types'

export type PostRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export type Outcome = Pick<Attempt, 'status' | 'error'> & {
  /** The beginning of the body of the answer. */
  readonly answer: string
}

/** Resolves all addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export type Poster = ReturnType<typeof createPoster>

const MAX_ANSWER_BYTES = 65_536
/** Of an answer, as much of it is kept. */
const SHOWN_BYTES = 1024
const ERROR_CHARS = 200

export type PosterOptions = {
  readonly clock: Clock
  readonly networks: NetworkRules
  readonly timeoutMs: number
  readonly resolve?: Resolve
}

export function createPoster({ clock, networks, timeoutMs, resolve = resolveName }: PosterOptions) {
  const open = new Set<{ destroy(cause: Error): unknown }>()
  const lookup = createLookup(networks, resolve)
  const agents = new Map<string, Agent>()
  const send = async ({ url, headers, body }: PostRequest): Promise<Outcome> => {
    const target = new URL(url)
    const refusal = networks.urlDenial(target)
    if (refusal !== undefined) return { status: null, error: refusal, answer: '' }
    const { request, Agent } = loadClient(target.protocol)
    const agent = agents.getOrInsertComputed(target.protocol, () => new Agent({ keepAlive: true }))
    const client = request(target, { method: 'POST', headers, agent, lookup: lookup as never })
    const { promise, resolve: settle } = Promise.withResolvers<Outcome>()
    let status: number | null = null
    const shown: Uint8Array[] = []
    /** What happens first counts. */
    const end = (error: string | null): void => {
      cancel()
      open.delete(client)
      const answer = Buffer.concat(shown).subarray(0, SHOWN_BYTES).toString()
      settle({ status, error: status === null ? error : statusError(status), answer })
    }
    const cancel = clock.after(timeoutMs, () => {
      client.destroy()
      end(`no answer within ${timeoutMs} ms`)
    })
    open.add(client)
    client.on('error', (cause) => end(cause.message.slice(0, ERROR_CHARS)))
    client.on('response', (response) => {
      status = response.statusCode ?? null
      readBeginning(response, shown)
      discardBody(response, () => client.destroy(), end)
    })
    // No other protocol was requested; without a listener, such a response would be lost.
    client.on('upgrade', ({ statusCode }, socket) => {
      status = statusCode ?? null
      socket.destroy()
      end(null)
    })
    client.end(body)
    return promise
  }
  return {
    /** Has what sends requests loaded, which takes 8 to 25 ms; nothing the next time. */
    prepare: (): void => void loadClient('http:'),
    /** Never rejects. */
    post: (request: PostRequest): Promise<Outcome> =>
      send(request).catch((cause: unknown) => ({
        status: null,
        error: String(cause).slice(0, ERROR_CHARS),
        answer: '',
      })),
    /** Ends requests that are under way. */
    close: (): void => {
      for (const client of open) client.destroy(new Error('the server stops'))
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

/** Not loaded with this file: a server without webhooks starts without them. */
const loadClient = (protocol: string) =>
  process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http')

/**
 * Resolves by the hosts file and DNS, without threads: those are few and shared, and names whose servers
 * never respond would hold each for ten seconds, with all other lookups behind them.
 */
const resolveName: Resolve = (hostname) => dns.lookup(hostname, { backend: 'c-ares' })

/** Adds to `shown` as much as is shown, and a little more. */
function readBeginning(response: IncomingMessage, shown: Uint8Array[]): void {
  let bytes = 0
  response.on('data', (chunk: Uint8Array) => {
    if (bytes < SHOWN_BYTES) shown.push(chunk.slice(0, SHOWN_BYTES))
    bytes += chunk.length
  })
}

function discardBody(
  response: IncomingMessage,
  destroy: () => void,
  end: (error: string | null) => void,
): void {
  let bytes = 0
  response.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) destroy()
  })
  response.on('error', () => undefined) // followed by the close below
  response.on('close', () => end(null))
}

const statusError = (status: number): string | null =>
  status >= 200 && status < 300 ? null : `answered ${status}`

/** A lookup that fails for names with a forbidden address; the connection is made to the checked addresses. */
function createLookup(networks: NetworkRules, resolve: Resolve) {
  return (hostname: string, { all }: LookupOptions, done: (...found: unknown[]) => void): void => {
    const fail = (reason: string): void => done(new Error(`${hostname}: ${reason}`))
    const connect = (addresses: readonly LookupAddress[]): void => {
      const refusal = addresses
        .map(({ address }) => networks.addressDenial(address))
        .find((reason) => reason !== undefined)
      if (refusal !== undefined) return fail(refusal)
      if (all) return done(null, addresses)
      done(null, addresses[0]?.address, addresses[0]?.family)
    }
    void resolve(hostname).then(connect, (cause: Error) => fail(cause.message))
  }
}
