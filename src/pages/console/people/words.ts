/** Channels, protocols and clients in words. */

export type ChannelWords = {
  /** On a tag. */
  readonly kind: string
  /** Who may subscribe, and what is special. */
  readonly about: string
  readonly isPresence: boolean
  /** Its last event is kept for later subscribers. */
  readonly isCache: boolean
}

const SIGNED = 'Who subscribes needs a signature of the app’s server.'
const CACHE = 'The last event is kept for whoever subscribes later.'

/** By how the name begins; the longer of two comes first. */
const KINDS: readonly (readonly [prefix: string, words: Partial<ChannelWords>])[] = [
  [
    'private-encrypted-cache-',
    {
      kind: 'encrypted cache channel',
      about: `Only its subscribers can read the data. ${SIGNED} ${CACHE}`,
      isCache: true,
    },
  ],
  [
    'private-encrypted-',
    {
      kind: 'encrypted channel',
      about: `Only its subscribers can read the data: the server does not have the key. ${SIGNED}`,
    },
  ],
  ['private-cache-', { kind: 'private cache channel', about: `${SIGNED} ${CACHE}`, isCache: true }],
  ['private-', { kind: 'private channel', about: SIGNED }],
  [
    'presence-cache-',
    {
      kind: 'presence cache channel',
      about: `Its subscribers see who is in it. ${SIGNED} ${CACHE}`,
      isPresence: true,
      isCache: true,
    },
  ],
  [
    'presence-',
    {
      kind: 'presence channel',
      about: `Its subscribers see who is in it. ${SIGNED}`,
      isPresence: true,
    },
  ],
  ['cache-', { kind: 'cache channel', about: `Anybody may subscribe. ${CACHE}`, isCache: true }],
  ['private:', { kind: 'private topic', about: 'A plugin decides who may join.' }],
]

const PUBLIC: ChannelWords = {
  kind: 'public channel',
  about: 'Anybody who has the app’s key may subscribe.',
  isPresence: false,
  isCache: false,
}

export const describeChannel = (name: string): ChannelWords => ({
  ...PUBLIC,
  ...KINDS.find(([prefix]) => name.startsWith(prefix))?.[1],
})

/** By how their names begin. */
const PROTOCOLS: readonly (readonly [prefix: string, words: string])[] = [
  ['pusher', 'Pusher'],
  ['pushex', 'Phoenix, as PushEx has it'],
  ['phoenix', 'Phoenix'],
]

export function describeProtocol(name: string): string {
  const words = PROTOCOLS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? name
  return name.endsWith('-positions') ? `${words}, with positions` : words
}

export const isPhoenix = (protocol: string): boolean => !protocol.startsWith('pusher')

/** What a client says it is, as far as it says anything. */
export function describeClient(said: {
  readonly client: string | null
  readonly client_version: string | null
  readonly user_agent: string | null
}): string {
  const library = said.client === 'js' ? 'pusher-js' : said.client
  const named = [library, said.client_version].filter(Boolean).join(' ')
  return named || said.user_agent || ''
}

/** JSON as it is read: an event's data is text that mostly holds JSON. */
export function prettify(data: unknown): string {
  if (typeof data !== 'string') return JSON.stringify(data, null, 2)
  try {
    return JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    return data
  }
}

const MOST_CHARS = 300

/** The beginning of JSON, for a cell of a table. */
export const beginningOf = (value: unknown): string =>
  (JSON.stringify(value) ?? '').slice(0, MOST_CHARS)
