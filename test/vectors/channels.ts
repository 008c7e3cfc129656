/** Contract 2.1, 2.2: what a channel's name makes of it. */
export const CHANNEL_KINDS: readonly {
  readonly name: string
  readonly auth: 'none' | 'signature' | 'user'
  readonly presence?: true
  readonly clientEvents?: true
  readonly cache?: true
}[] = [
  { name: 'room', auth: 'none' },
  { name: 'cache-room', auth: 'none', cache: true },
  { name: 'my-cache-room', auth: 'none' },
  { name: 'cacheroom', auth: 'none' },
  { name: 'private-room', auth: 'signature', clientEvents: true },
  { name: 'private-cache-room', auth: 'signature', clientEvents: true, cache: true },
  { name: 'private-encrypted-room', auth: 'signature' },
  { name: 'private-encrypted-cache-room', auth: 'signature', cache: true },
  { name: 'private-cache-encrypted-room', auth: 'signature', clientEvents: true, cache: true },
  { name: 'presence-room', auth: 'signature', presence: true, clientEvents: true },
  {
    name: 'presence-cache-room',
    auth: 'signature',
    presence: true,
    clientEvents: true,
    cache: true,
  },
  { name: 'presence-encrypted-room', auth: 'signature', presence: true, clientEvents: true },
  { name: '#server-to-user-7', auth: 'user' },
  { name: 'privateer', auth: 'none' },
  { name: 'private', auth: 'none' },
  { name: 'my-private-room', auth: 'none' },
  { name: 'presencex', auth: 'none' },
  { name: 'Private-room', auth: 'none' },
]

export const VALID_NAMES: readonly string[] = [
  'a',
  'foo-bar_1234@=,.;',
  'x'.repeat(200),
  'private-',
  '__proto__',
  'constructor',
  '#server-to-user-any thing / at : all',
]

export const INVALID_NAMES: readonly (readonly [why: string, name: unknown])[] = [
  ['empty', ''],
  ['a space', 'a b'],
  ['a colon', 'a:b'],
  ['the channel of watchers', '#watchlist-7'],
  ['a slash', 'a/b'],
  ['a leading hash', '#room'],
  ['an empty user', '#server-to-user-'],
  ['201 characters', 'x'.repeat(201)],
  ['a newline at its end', 'room\n'],
  ['an umlaut', 'zoë'],
  ['a lone surrogate', '\ud800'],
  ['a null byte', 'a\0'],
  ['a number', 7],
  ['null', null],
  ['an array', ['room']],
  ['an object', { toString: 'room' }],
  ['true', true],
]
