/** Private and encrypted channels. */
import type { Case, Group } from '../case'
import { expectSame, expectThat } from '../mismatch'
import { sign, type Signed, type WireClient } from '../clients/wire'
import type { Stage } from '../stage'

/** Signatures that are none for this channel of this connection. */
const WRONG: readonly (readonly [
  what: string,
  make: (client: WireClient, channel: string, stage: Stage) => Promise<Signed> | Signed,
])[] = [
  ['no auth', () => ({})],
  ['an empty auth', () => ({ auth: '' })],
  ['auth without a colon', () => ({ auth: 'conformance' })],
  [
    'the signature of another secret',
    ({ target, socketId }, channel) => ({
      auth: `${target.key}:${sign({ secret: 'no secret' }, `${socketId}:${channel}`)}`,
    }),
  ],
  [
    'a right signature below another key',
    ({ target, socketId }, channel) => ({
      auth: `conformance-no-such-key:${sign(target, `${socketId}:${channel}`)}`,
    }),
  ],
  [
    'the signature of another connection',
    async (_, channel, stage) => (await stage.wire()).sign(channel),
  ],
  ['the signature of another channel', (client, channel) => client.sign(`${channel}x`)],
  [
    'a signature that is cut short',
    (client, channel) => ({ auth: client.sign(channel).auth!.slice(0, -1) }),
  ],
]

export const PRIVATE: Group = {
  name: 'private',
  about: 'private channels: signatures, right and wrong',
  cases: [
    {
      name: 'pusher-js subscribes with the signature of the server library',
      spec: 'Private channels; Authorization signatures',
      async play(stage) {
        const channel = stage.name('private-')
        const { emitted } = await stage.pusherJs().subscribe(channel)
        await stage.trigger(channel, 'e', { n: 1 })
        expectSame('the event', await emitted.next('e'), { event: 'e', data: { n: 1 } })
      },
    },
    {
      name: 'channel_data that is signed is accepted on a private channel, too',
      spec: 'Node SDK, authorizeChannel with data',
      async play(stage) {
        await (await stage.wire()).join(stage.name('private-'), '{"user_id":"42"}')
      },
    },
    ...WRONG.map(([what, make]): Case => ({
      name: `${what} is refused, and nothing is heard`,
      spec: 'Authorization signatures',
      async play(stage) {
        const [client, channel, open] = [await stage.wire(), stage.name('private-'), stage.name()]
        client.askFor(channel, await make(client, channel, stage))
        await client.expectRefused(channel, what)
        await client.subscribe(open)
        await stage.trigger(channel, 'secret', '{}')
        await stage.trigger(open, 'end', '{}')
        await client.nextOf('end', open)
      },
    })),
    {
      name: 'after a refusal the right signature is accepted on the same connection',
      spec: 'Protocol, pusher:error',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('private-')]
        client.askFor(channel, { auth: `${stage.target.key}:00` })
        await client.expectRefused(channel, 'a wrong signature')
        await client.join(channel)
      },
    },
  ],
}

export const ENCRYPTED: Group = {
  name: 'encrypted',
  about: 'encrypted channels: what the server cannot read it passes on as it is',
  cases: [
    {
      name: 'pusher-js decrypts what the server library has encrypted',
      spec: 'Encrypted channels',
      async play(stage) {
        const channel = stage.name('private-encrypted-')
        const { emitted } = await stage.pusherJs().subscribe(channel)
        await stage.trigger(channel, 'e', { secret: 'grüße' })
        const event = { event: 'e', data: { secret: 'grüße' } }
        expectSame('the event', await emitted.next('e'), event)
      },
    },
    {
      name: 'nonce and ciphertext arrive byte for byte',
      spec: 'Encrypted channels',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('private-encrypted-')]
        await client.join(channel)
        const data = '{"nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "ciphertext":"S9ISwpKA"}'
        await stage.requests.ask({ path: '/events', body: { name: 'e', channel, data } })
        expectSame('data', (await client.nextOf('e', channel)).data, data)
      },
    },
    {
      name: 'the subscription is announced in clear',
      spec: 'Encrypted channels (system events)',
      async play(stage) {
        const data = await (await stage.wire()).join(stage.name('private-encrypted-'))
        const isClear = !String(data ?? '').includes('ciphertext')
        expectThat(isClear, 'data that is not encrypted', data)
      },
    },
    {
      name: 'no signature is refused',
      spec: 'Authorization signatures',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('private-encrypted-')]
        client.askFor(channel)
        await client.expectRefused(channel, 'no signature')
      },
    },
  ],
}
