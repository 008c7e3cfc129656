/**
 * The load speaks Centrifugo's protocol: a small server of it, which joins texts in one frame and
 * pings, is understood, and what comes twice is found.
 */
import type { ServerWebSocket } from 'bun'
import { expect, test } from 'bun:test'
import { addSide, parseNamedPeer } from '../../bench/lib/sides'
import { findDefect } from '../../bench/lib/question'
import { findQuestion } from '../../bench/lib/catalogue'

const TIMEOUT_MS = 60_000
const SUBSCRIBERS = 200

type Command = { readonly id: number; readonly subscribe?: { readonly channel: string } }
type Publish = { readonly channel: string; readonly data: string }

/** The first message waits for the second, so that both are one frame, beside a ping. */
function smallCentrifugo(repeatsOne: boolean) {
  const subscribers: ServerWebSocket<undefined>[] = []
  const seen = { published: 0, pongs: 0, keys: new Set<string | null>() }
  let held = ''
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, server) {
      const { pathname } = new URL(request.url)
      if (pathname === '/connection/websocket' && server.upgrade(request)) return undefined
      if (pathname !== '/api/publish') return new Response('', { status: 404 })
      seen.keys.add(request.headers.get('x-api-key'))
      publish((await request.json()) as Publish)
      return Response.json({ result: {} })
    },
    websocket: {
      message(ws, text) {
        if (text === '{}') return void seen.pongs++
        const { id, subscribe } = JSON.parse(String(text)) as Command
        if (subscribe) subscribers.push(ws)
        ws.send(JSON.stringify({ id, ...(subscribe ? { subscribe: {} } : { connect: {} }) }))
      },
    },
  })
  function publish({ channel, data }: Publish): void {
    const push = JSON.stringify({ push: { channel, pub: { data } } })
    const number = ++seen.published
    if (number === 1) return void (held = push)
    const text = number === 2 ? `${held}\n{}\n${push}\n` : push
    for (const [index, ws] of subscribers.entries())
      ws.send(repeatsOne && number === 3 && index === 0 ? `${text}\n${text}` : text)
  }
  return { seen, server, url: `http://127.0.0.1:${server.port}?protocol=centrifugo&key=the-key` }
}

test.skipIf(process.platform !== 'linux').each([
  [false, undefined],
  [true, '1 reordered'],
])(
  'a fan-out over its protocol; one comes twice: %p',
  async (repeatsOne, defect) => {
    const { seen, server, url } = smallCentrifugo(repeatsOne)
    const [side, peer] = parseNamedPeer(`centrifugo-${repeatsOne}=${url}`)
    addSide(side, peer)
    const question = findQuestion('fanout')
    const turn = { row: question.smokeCases[0]!, side, seconds: 0.2, onProgress: undefined }
    const outcome = await question.play(turn)
    await server.stop(true)

    expect(findDefect(question, outcome)).toBe(defect)
    expect([seen.pongs, [...seen.keys]]).toEqual([SUBSCRIBERS, ['the-key']])
  },
  TIMEOUT_MS,
)
