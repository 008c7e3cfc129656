/** Where webhooks may go, decided without a name server and without a connection. */
import { describe, expect, test } from 'bun:test'
import { networkRules } from '../../src/core/networks'
import { maskUrl, webhookMistake } from '../../src/apps/webhooks'

const { urlDenial, addressDenial } = networkRules([], [])
const TUNNEL = 'leads through a tunnel to an address that it hides'
const NEVER = 'is a link-local or metadata address'

const REFUSED: readonly (readonly [host: string, why: string])[] = [
  ['[64:ff9b:1::a9fe:a9fe]', TUNNEL],
  ['[64:ff9b:1:a9fe:a9:fe00::]', TUNNEL], // where a prefix of 48 ends
  ['[64:ff9b:1:ffff:ffff:ffff:ffff:ffff]', TUNNEL],
  ['[2001::1]', TUNNEL],
  ['[2001:0:4136:e378:8000:63bf:3fff:fdd2]', TUNNEL],
  ['[2001:db8::5efe:10.0.0.1]', TUNNEL],
  ['[fd12::200:5efe:7f00:1]', TUNNEL],
  ['[2001:db8::200:5efe:808:808]', TUNNEL],
  ['[64:ff9b::]', NEVER],
  ['[64:ff9b::0.0.0.0]', NEVER],
  ['[64:ff9b::0.0.0.1]', NEVER],
  ['[64:ff9b::0.1.2.3]', NEVER],
  ['[2002::]', NEVER],
  ['[2002:0:0::1]', NEVER],
  ['[2002:0:1::]', NEVER],
  ['[::ffff:0.0.0.0]', NEVER],
  ['[::ffff:0:0:0]', NEVER],
  ['[::2]', NEVER],
  ['localhost.', 'ends in a dot'],
  ['example.org.', 'ends in a dot'],
  ['example.org..', 'ends in a dot'],
  ['metadata.google.internal.', 'ends in a dot'],
  ['127.0.0.1:0', 'nothing listens on port 0'],
  ['example.org:00', 'nothing listens on port 0'],
  ['[::1]:0', 'nothing listens on port 0'],
]
const ALLOWED = [
  '[64:ff9b::a01:203]',
  '[64:ff9b:2::1]',
  '[2001:1::1]',
  '[2001:db8::5eff:10.0.0.1]',
  '[2001:db8::5efe:0:a00:1]',
  '[2002:a01:203::1]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '127.0.0.1:443',
  'localhost',
  'a.example.org:8080',
]

describe('a webhook', () => {
  test.each(REFUSED)('to %s is refused', (host, why) => {
    const [mistake, ...more] = [`http://${host}/`, `https://u:p@${host}/x?y#z`].map((url) =>
      webhookMistake({ url })!,
    )
    expect(mistake).toEndWith(why)
    for (const other of more) expect(other).toEndWith(why)
  })

  test.each(ALLOWED)('to %s is not', (host) => {
    expect(urlDenial(new URL(`http://${host}/`))).toBeUndefined()
  })

  test('to an address that a name led to is looked at in the same way', () => {
    for (const address of [
      '64:ff9b:1::1',
      '2001::1',
      'fd12::5efe:7f00:1%eth0',
      '64:ff9b::0.0.0.0',
      '2001:db8::200:5efe:8.8.8.8',
    ])
      expect(addressDenial(address)).toBeString()
  })
})

test.each([
  ['https://example.org/@me?a=@b', 'https://example.org/@me?a=@b'],
  ['https://user:secret@example.org/hook', 'https://***@example.org/hook'],
  ['https://user@example.org (2)', '***@example.org (2)'],
  ['http://secret@se:cret@example.org:8080?x', 'http://***@example.org:8080?x'],
  ['http://user:sec/ret@example.org', '***@example.org'],
  ['ftp://user:secret@example.org', 'ftp://***@example.org'],
])('%s is shown as %s', (url, shown) => {
  expect(maskUrl(url)).toBe(shown)
  expect(webhookMistake({ url }) ?? '').not.toMatch(/secret|sec\/ret/)
})
