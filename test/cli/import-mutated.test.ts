/**
 * Sources of `carillon import` with mistakes at random places: each is read or refused, and no secret is shown.
 * Seeded; a failure prints the seed and the source.
 */
import { expect, test } from 'bun:test'
import { CommandError } from '../../src/cli/exits'
import { readMaterial } from '../../src/cli/import/material'
import { PUSHER } from '../../src/cli/import/pusher'
import { REVERB } from '../../src/cli/import/reverb'
import { SOKETI } from '../../src/cli/import/soketi'
import { translate } from '../../src/cli/import/translate'
import { makeRandom } from '../random'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const SECRET = 'zqs3cretqz'
const webhook = {
  url: `https://u:${SECRET}@example.org/h?token=${SECRET}`,
  event_types: ['channel_occupied'],
  headers: { 'x-token': SECRET },
}
const soketiApp = { id: '1', key: 'k', secret: SECRET, maxConnections: -1, webhooks: [webhook] }
const SOURCES: readonly (readonly [name: string, text: string])[] = [
  [
    'a.json',
    JSON.stringify({
      port: 6001,
      adapter: { driver: 'redis' },
      'appManager.array.apps': [soketiApp],
      ssl: { certPath: '/c', keyPath: '/k', passphrase: SECRET },
    }),
  ],
  [
    'b.json',
    JSON.stringify({
      servers: { reverb: { host: '::1', port: '8080', options: { tls: {} } } },
      apps: { apps: [{ app_id: 1, key: 'k', secret: SECRET, allowed_origins: ['*'] }] },
    }),
  ],
  [
    'c.env',
    `SOKETI_PORT=1\nexport SOKETI_DEFAULT_APP_KEY="k"\nSOKETI_DEFAULT_APP_SECRET='${SECRET}' # x\nREVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=${SECRET}\nPUSHER_URL=https://k:${SECRET}@example.org/apps/1\nSOKETI_SSL_PASS=${SECRET}\n`,
  ],
  [
    'd.sql',
    `-- MySQL dump\nCREATE TABLE \`apps\` (\`id\` text, \`key\` text, \`secret\` text, \`webhooks\` json);\nINSERT INTO \`apps\` VALUES ('1','k\\'','${SECRET}','[]'),('2','l','${SECRET}',NULL);\n`,
  ],
  ['e.sql', `COPY public.apps (id, key, secret) FROM stdin;\n1\tk\t${SECRET}\n\\.\n`],
  ['f.csv', `id,key,secret\n1,"k",${SECRET}\n`],
  ['g.tsv', `id\tkey\tsecret\n1\tk\t${SECRET}\n`],
  ['h.jsonl', `{"id":1,"key":"k","secret":"${SECRET}"}\n{"id":2,"key":"l","secret":"${SECRET}"}\n`],
]

const BITS = [
  '"',
  "'",
  '`',
  '\\',
  '\n',
  '\t',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  ',',
  ';',
  ':',
  '#',
  '$',
  '--',
  '/*',
  '${X}',
  'NULL',
  'null',
  'true',
  '-1',
  '1e999',
  '9'.repeat(30),
  '\0',
  '\ud800',
  'é',
  '__proto__',
  'constructor',
  '{"a":1}',
  '',
]

const ROUNDS = 500

test('a source with mistakes is read or refused, and shows no secret', () => {
  const random = makeRandom(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  let read = 0
  for (let round = 0; round < ROUNDS; round++) {
    const [name, whole] = pick(SOURCES)
    let text = whole
    for (let mistakes = below(6); mistakes >= 0; mistakes--) {
      const at = below(text.length + 1)
      text = text.slice(0, at) + pick(BITS) + text.slice(at + below(3))
    }
    const origin = pick([SOKETI, REVERB, PUSHER])
    let shown: string
    try {
      const { lines } = translate(origin, readMaterial(origin, [{ name, text }]))
      shown = JSON.stringify(lines)
      read++
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw new Error(`${name}: ${text}`, { cause })
      shown = cause.message
    }
    if (shown.includes(SECRET)) throw new Error(`${name} shows it: ${shown} of ${text}`)
  }
  expect(read).toBeGreaterThan(ROUNDS / 20)
})
