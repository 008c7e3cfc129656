/** What nodes say to each other: what is read, and what is refused, whoever has written it. */
import { expect, test } from 'bun:test'
import { readMessage, VERSION } from '../../src/cluster/wire'

const EPOCH = 'k3v9x1m20abc'
const MEMBER = { userId: 'ann', userIdJson: '"ann"', userInfo: '{}' }
const META = { id: 'm1', since: 1, userInfo: 'null' }
const line = (...fields: readonly unknown[]): string =>
  JSON.stringify([VERSION, EPOCH, 7, ...fields])

const READ: readonly (readonly [text: string, what: object])[] = [
  [`${line('e', 'name', null, null)}\n"x"`, { type: 'event', position: { epoch: '', offset: 0 } }],
  [`${line('e', 'name', '1.2', null, EPOCH, 9)}\n"x"`, { position: { epoch: EPOCH, offset: 9 } }],
  [`${line('x', 'client-e', '1.2', MEMBER)}\n{"a":1}`, { sent: { sender: MEMBER } }],
  // A plugin's filter may leave any JSON.
  [`${line('e', 'name', null, null)}\n{"a":1}`, { sent: { data: '{"a":1}' } }],
  [line('x', 'client-e', null, null), { type: 'event' }],
  [line('b', 'client-e', null, null, 'AAE='), { type: 'bytes' }],
  [line('+', '1.2', 'node.0', MEMBER, META, 1), { type: '+', node: 'node.0' }],
  [line('+', '1.2', 'node.0', null, null, 0), { type: '+', member: undefined }],
  [line('-', '1.2', 'node.0', 1), { type: '-', socketId: '1.2' }],
  [line('c', 'node.0', 3), { type: 'c', count: 3 }],
  [line('f'), { type: 'forgotten' }],
  [line('o', 'id', { type: 'terminate_user' }), { type: 'order' }],
]

test.each(READ)('%s is read', (text, what) => {
  expect(readMessage(text)).toMatchObject({ epoch: EPOCH, rev: 7, ...what })
})

const deep = '['.repeat(100_000)
const REFUSED: readonly string[] = [
  '',
  '\n',
  'null',
  '{}',
  '[]',
  'nonsense',
  deep,
  `${deep}\n"x"`,
  // Versions, epochs, numbers.
  JSON.stringify([0, EPOCH, 7, 'f']),
  JSON.stringify([VERSION + 1, EPOCH, 7, 'f']),
  JSON.stringify(['1', EPOCH, 7, 'f']),
  JSON.stringify([VERSION, '', 7, 'f']),
  JSON.stringify([VERSION, 'A"B', 7, 'f']),
  JSON.stringify([VERSION, 'a'.repeat(40), 7, 'f']),
  JSON.stringify([VERSION, EPOCH, -1, 'f']),
  JSON.stringify([VERSION, EPOCH, 1.5, 'f']),
  JSON.stringify([VERSION, EPOCH, 1e300, 'f']),
  JSON.stringify([VERSION, EPOCH, '7', 'f']),
  // Types.
  line('z'),
  line('toString'),
  line('__proto__'),
  line(1),
  // Events.
  line('e', 'name', null, null),
  `${line('e', 'name', null, null)}\n{]`,
  `${line('e', 'name', null, null)}\n"x`,
  `${line('e', 'name', null, null)}\n${deep}`,
  `${line('e', 1, null, null)}\n"x"`,
  `${line('e', 'name', 1, null)}\n"x"`,
  `${line('e', 'name')}\n"x"`,
  `${line('e', 'name', null, {})}\n"x"`,
  `${line('e', 'name', null, { ...MEMBER, userInfo: '{' })}\n"x"`,
  `${line('e', 'name', null, { ...MEMBER, userIdJson: '","admin":true,"' })}\n"x"`,
  `${line('e', 'name', null, null, EPOCH, -1)}\n"x"`,
  `${line('e', 'name', null, null, EPOCH, '9')}\n"x"`,
  `${line('e', 'name', null, null, '","a":"', 9)}\n"x"`,
  `${line('e', 'name', null, null, '', 9)}\n"x"`,
  `${line('e', 'name', null, null)}\n"${'x'.repeat(9 * 1024 * 1024)}"`,
  `${line('x', 'client-e', null, null)}\n{"a":`,
  line('b', 'client-e', null, null),
  line('b', 'client-e', null, null, 1),
  // Seats and counts.
  line('+'),
  line('+', 1, 'node.0', null, null, 1),
  line('+', '1.2', 'node.0', MEMBER, null, 1),
  line('+', '1.2', 'node.0', MEMBER, { ...META, since: 'now' }, 1),
  line('+', '1.2', 'node.0', MEMBER, { ...META, userInfo: '{"a":' }, 1),
  line('+', '1.2', 'node.0', { ...MEMBER, userInfo: 1 }, META, 1),
  line('-', '1.2'),
  line('c', 'node.0', -1),
  line('c', 'node.0', '1'),
  line('c', null, 1),
  // Orders.
  line('o'),
  line('o', 1, { type: 'terminate_user' }),
  line('o', 'id', { type: 'delete_app' }),
  line('o', 'id', { type: 'unsubscribe_user', userId: 1, message: '' }),
  line('o', 'id', { type: 'push_delivered', push: { channel: 'a', event: 'b', data: '{', at: 1 } }),
]

test('what is none is refused', () => {
  const read = REFUSED.filter((text) => readMessage(text) !== undefined)
  expect(read.map((text) => text.slice(0, 200))).toEqual([])
})
