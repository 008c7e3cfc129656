/** What a wrong signature costs, which anybody can send. */
import { expect, spyOn, test } from 'bun:test'
import { KeyPair } from '../../src/core/signature'
import { start } from '../harness'

test('other ways to sign are tried for a short address: eighteen digests of a long one take a millisecond', async () => {
  await using server = await start()
  using verify = spyOn(KeyPair.prototype, 'verify')
  const seconds = Math.floor(server.clock.now() / 1000)
  const auth = `auth_key=${server.app.key}&auth_timestamp=${seconds}&auth_version=1.0`
  const countTries = async (chars: number): Promise<number> => {
    const text = 'a'.repeat(chars)
    const url = `/apps/1/channels/a%2Cb?${auth}&auth_signature=${'0'.repeat(64)}&x=${text}%20+`
    expect((await server.http(url)).status).toBe(401)
    return verify.mock.calls.filter(([tried]) => tried.includes(text)).length
  }
  expect(await countTries(5000)).toBe(1)
  expect(await countTries(3000)).toBeGreaterThan(1)
})
