/** The fallbacks of pusher-js over HTTP. */
import type { Case, Group } from '../case'
import { expectSame, expectThat, Mismatch, parseJson, show } from '../mismatch'
import type { Stage } from '../stage'

const TRANSPORTS = ['xhr_streaming', 'xhr_polling'] as const

export const FALLBACK: Group = {
  name: 'fallback',
  about: 'clients for which WebSockets are blocked',
  asked: 'over HTTP: --with fallback',
  cases: [
    ...TRANSPORTS.flatMap((transport): Case[] => [
      {
        name: `pusher-js connects by ${transport}, subscribes and hears events in order`,
        spec: `pusher-js, enabledTransports ${transport}`,
        async play(stage) {
          const channel = stage.name('private-')
          const { emitted } = await stage.pusherJs({ transport }).subscribe(channel)
          for (let n = 0; n < 5; n++) await stage.trigger(channel, 'e', { n })
          for (let n = 0; n < 5; n++)
            expectSame('the event', await emitted.next('e'), { event: 'e', data: { n } })
        },
      },
      {
        name: `client events go both ways by ${transport}`,
        spec: `pusher-js, enabledTransports ${transport}`,
        async play(stage) {
          const channel = stage.name('private-')
          const one = await stage.pusherJs({ transport }).subscribe(channel)
          const other = await stage.pusherJs().subscribe(channel)
          one.channel.trigger('client-one', { n: 1 })
          const first = await other.emitted.next('client-one')
          expectSame('the event', first, { event: 'client-one', data: { n: 1 } })
          other.channel.trigger('client-other', { n: 2 })
          const second = await one.emitted.next('client-other')
          expectSame('the event', second, { event: 'client-other', data: { n: 2 } })
        },
      },
      {
        name: `an unknown key is refused by ${transport}, and pusher-js does not come back`,
        spec: 'Protocol, Error codes (4001)',
        async play(stage) {
          const client = stage.pusherJs({ transport, key: 'conformance-no-such-key' })
          await client.state('disconnected')
        },
      },
    ]),
    {
      name: 'browsers of other origins may use it: their preflight is answered',
      spec: 'pusher-js, xhr transports; Fetch Standard, CORS-preflight',
      async play(stage) {
        const path = `/pusher/app/${stage.target.key}/1/conforman/xhr`
        const { status, headers } = await request(stage, path, {
          method: 'OPTIONS',
          headers: {
            origin: 'http://example.test',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type',
          },
        })
        expectThat(status === 200 || status === 204, '200 or 204', status)
        const allowed = headers.get('access-control-allow-origin')
        const isIt = allowed === '*' || allowed === 'http://example.test'
        expectThat(isIt, 'Access-Control-Allow-Origin', allowed)
      },
    },
    {
      name: 'the sockjs transport finds its server',
      spec: 'pusher-js, enabledTransports sockjs; SockJS protocol 0.3.3, /info',
      async play(stage) {
        const response = await request(stage, '/pusher/info', {})
        expectThat(response.status === 200, '200 for /pusher/info', response.status)
        const info = parseJson('the answer to /pusher/info', await response.text())
        const has = (info as { websocket?: unknown }).websocket !== undefined
        expectThat(has, 'websocket in /pusher/info', info)
      },
    },
  ],
}

/** Asks for something that is no part of the HTTP API. @throws Mismatch where there is no answer */
async function request(stage: Stage, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${stage.target.url}${path}`, { ...init, signal: stage.signal })
  } catch (error) {
    throw new Mismatch(`an answer to ${path}`, show((error as Error).message))
  }
}
