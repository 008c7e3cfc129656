/**
 * CARRIERS: what carries the texts of a soak's clients. Each says every text that comes, and once that
 * the connection is over.
 */
import type { Peer } from '../lib/sides'

export type Line = {
  send(text: string): void
  /** Closes with a goodbye, where the carrier has one. */
  close(): void
  /** Ends the connection as when a client is killed. */
  cut(): void
}

export type Listener = { onText(text: string): void; onEnd(): void }
export type Carrier = (peer: Peer, query: string, listener: Listener) => Line | Promise<Line>

const origin = ({ host, port }: Peer): string => `http://${host}:${port}`

/** The runtime's sockets can end without a goodbye. */
type Terminable = { terminate(): void }

const openSocket =
  (pathOf: (peer: Peer) => string): Carrier =>
  (peer, query, listener) => {
    const ws = new WebSocket(
      `ws://${peer.host}:${peer.port}${pathOf(peer)}?app_key=${peer.app.key}&${query}`,
    )
    ws.onmessage = ({ data }) => listener.onText(String(data))
    ws.onclose = () => listener.onEnd()
    const { promise, resolve, reject } = Promise.withResolvers<Line>()
    ws.onopen = () =>
      resolve({
        send: (text) => ws.send(text),
        close: () => ws.close(),
        cut: () => (ws as unknown as Terminable).terminate(),
      })
    ws.onerror = () => reject(new Error('no socket'))
    return promise
  }

/** Opens a line that posts one text after the other, and polls until it is stopped. */
function openPulled(
  listener: Listener,
  poll: (signal: AbortSignal) => Promise<boolean>,
  post: (text: string, signal: AbortSignal) => Promise<unknown>,
): Line {
  const stop = new AbortController()
  const { signal } = stop
  const end = (): void => {
    stop.abort()
    listener.onEnd()
  }
  const pollOn = async (): Promise<void> => {
    while (!signal.aborted && (await poll(signal)));
  }
  void pollOn().then(end, end)
  let posted: Promise<unknown> = Promise.resolve()
  return {
    send: (text) => {
      posted = posted.then(() => post(text, signal)).catch(end)
    },
    close: () => stop.abort(),
    cut: () => stop.abort(),
  }
}

type Polled = {
  readonly status: number
  readonly token: string
  readonly messages?: readonly string[]
}

const openLongPoll: Carrier = async (peer, query, listener) => {
  const path = `${origin(peer)}/socket/longpoll?app_key=${peer.app.key}&${query}`
  const request = async (url: string, init: RequestInit): Promise<Polled> =>
    (await (await fetch(url, init)).json()) as Polled
  const { token } = await request(path, {})
  const url = `${path}&token=${encodeURIComponent(token)}`
  const headers = { 'content-type': 'application/x-ndjson' }
  return openPulled(
    listener,
    async (signal) => {
      const { status, messages = [] } = await request(url, { signal })
      messages.forEach((text) => listener.onText(text))
      return status === 200 || status === 204
    },
    (text, signal) => request(url, { method: 'POST', body: text, headers, signal }),
  )
}

let sessions = 0

/** pusher-js's fallback: a line is `o`, `h`, `a[...]` or `c[...]`. */
const openFallback =
  (verb: 'xhr' | 'xhr_streaming'): Carrier =>
  (peer, query, listener) => {
    const session = `${sessions % 1000}/${(++sessions).toString(32).padStart(8, '0')}`
    const base = `${origin(peer)}/pusher/app/${peer.app.key}/${session}`
    const post = (to: string, body: string, signal: AbortSignal): Promise<Response> =>
      fetch(`${base}/${to}?${query}`, { method: 'POST', body, signal })
    const readLine = (line: string): void => {
      if (line.startsWith('a'))
        for (const text of JSON.parse(line.slice(1)) as string[]) listener.onText(text)
      if (line.startsWith('c')) throw new Error(line)
    }
    const poll = async (signal: AbortSignal): Promise<boolean> => {
      const response = await post(verb, '', signal)
      let rest = ''
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()!
        lines.forEach(readLine)
      }
      return response.ok
    }
    return openPulled(listener, poll, (text, signal) =>
      post('xhr_send', JSON.stringify([text]), signal),
    )
  }

export const CARRIERS = {
  app: openSocket(({ app }) => `/app/${app.key}`),
  socket: openSocket(() => '/socket/websocket'),
  longPoll: openLongPoll,
  polling: openFallback('xhr'),
  streaming: openFallback('xhr_streaming'),
} as const satisfies Record<string, Carrier>
