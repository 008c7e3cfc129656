/**
 * What the programs beside this file publish and sign, as the connections of run.ts must see it.
 * An event that only some SDKs can publish names them.
 */
export type SdkName = 'go-v4' | 'python'

export type ExpectedEvent = {
  readonly channel: string
  readonly event: string
  /** `text`: to the byte. `json`: the same value. `sealed`: nonce and ciphertext of this text. */
  readonly as: 'text' | 'json' | 'sealed'
  readonly data: unknown
  /** Published with the socket id of the connection that is left out. */
  readonly exclusive?: true
  readonly only?: readonly SdkName[]
}

export const ROOM = 'presence-room'
export const VAULT = 'private-encrypted-vault'
export const PUBLIC_CHANNELS = ['my-channel', 'odd_-=@,.;1']

/** The last event: once it has arrived, nothing else is on its way. */
export const END = 'end'

/** In the order of publishing, which holds within a channel. */
export const EVENTS: readonly ExpectedEvent[] = [
  { channel: 'my-channel', event: 'object', as: 'json', data: { hello: 'world' } },
  { channel: 'my-channel', event: 'text', as: 'text', data: 'not JSON' },
  {
    channel: 'my-channel',
    event: 'unicode',
    as: 'text',
    data: '{"text": "Zoë 😀 \\"quoted\\" \\u00e9 </b> a+b%20c"}',
  },
  { channel: 'my-channel', event: 'grüße 😀', as: 'text', data: '1' },
  { channel: 'my-channel', event: 'empty', as: 'text', data: '' },
  { channel: 'my-channel', event: 'largest', as: 'text', data: 'x'.repeat(10_240) },
  { channel: 'odd_-=@,.;1', event: 'odd', as: 'text', data: '2' },
  { channel: 'my-channel', event: 'many', as: 'json', data: { n: 3 } },
  { channel: ROOM, event: 'many', as: 'json', data: { n: 3 } },
  { channel: 'my-channel', event: 'hundred', as: 'text', data: '4' },
  { channel: 'my-channel', event: 'others', as: 'text', data: '5', exclusive: true },
  { channel: 'my-channel', event: 'others-many', as: 'text', data: '6', exclusive: true },
  { channel: ROOM, event: 'others-many', as: 'text', data: '6', exclusive: true },
  { channel: 'my-channel', event: 'batch-1', as: 'text', data: 'one' },
  { channel: ROOM, event: 'batch-2', as: 'json', data: { n: 2 } },
  { channel: 'my-channel', event: 'batch-3', as: 'text', data: 'three', exclusive: true },
  { channel: VAULT, event: 'batch-4', as: 'sealed', data: '{"n":4}' },
  { channel: ROOM, event: 'informed-1', as: 'text', data: '9', only: ['python'] },
  { channel: 'my-channel', event: 'informed-2', as: 'text', data: '10', only: ['python'] },
  { channel: VAULT, event: 'secret', as: 'sealed', data: '{"hello":"vault"}' },
  { channel: 'my-channel', event: 'from-url', as: 'text', data: '11' },
  { channel: 'my-channel', event: 'from-env', as: 'text', data: '12' },
  { channel: 'my-channel', event: END, as: 'text', data: '13' },
]

/** What a subscription with the program's signature is answered, by channel. */
export const SUBSCRIPTIONS: Readonly<Record<string, object>> = {
  'private-sdk': {},
  'presence-sdk': { presence: { count: 1, ids: ['7'], hash: { '7': { name: 'Zoë "Z"' } } } },
  'private-encrypted-sdk': {},
}
