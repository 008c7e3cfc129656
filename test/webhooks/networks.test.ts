/** Where webhooks may go: checked when an endpoint is saved, and again when a connection is made. */
import type { LookupAddress } from 'node:dns'
import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import { networkRules } from '../../src/core/networks'
import { createPoster, type Resolve } from '../../src/webhooks/post'
import { start } from '../harness'
import { readDeliveries, Receiver, waitUntilSettled, startWithWebhooks } from './receiver'

const NEVER = [
  'http://169.254.169.254/latest/meta-data',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://169.254.1.1:8080/',
  'http://169.254.169.254./',
  'http://[fe80::1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b::6464:64c8]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://[::ffff:0:a9fe:a9fe]/',
  'http://[::a9fe:a9fe]/',
  'http://[fd00:ec2::254]/',
  'http://100.100.100.200/',
  'http://0.0.0.0/',
  'http://[::]/',
  'http://224.0.0.1/',
  'https://metadata.google.internal/',
]
const ALLOWED = [
  'http://127.0.0.1:3000/',
  'http://localhost/',
  'http://[::1]/',
  'http://10.1.2.3/',
  'http://192.168.0.1/',
  'http://[fd12::1]/',
  'http://[64:ff9b::a01:203]/',
  'http://[2002:a01:203::1]/',
  'https://example.org/hook',
]

describe('7.7 saving an endpoint', () => {
  const save = async (webhook: object, env: Record<string, string> = {}) => {
    const { webhookAllow, webhookDeny } = readConfig(env)
    await using server = await start({ config: { webhookAllow, webhookDeny } })
    const body = JSON.stringify({ app: { webhooks: [webhook] } })
    const response = await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })
    const { errors } = (await response.json()) as { errors?: { webhooks: string[] } }
    return [response.status, ...(errors?.webhooks ?? [])]
  }

  test.each(NEVER)('%s: 422', async (url) => {
    const [status, mistake] = await save({ url })
    expect(status).toBe(422)
    expect(mistake).toMatch(/is a (link-local or metadata address|metadata service)$/)
  })

  test.each(ALLOWED)('%s: saved', async (url) => {
    expect(await save({ url })).toEqual([200])
  })

  test('the settings narrow it down', async () => {
    const deny = { CARILLON_WEBHOOK_DENY: '10.0.0.0/8,::1' }
    expect(await save({ url: 'http://[::1]/' }, deny)).toEqual([
      422,
      'has the url "http://[::1]/", which is refused: ::1 is in a network that is denied',
    ])
    expect(await save({ url: 'http://127.0.0.1/' }, deny)).toEqual([200])
    for (const url of ['http://[64:ff9b::a01:203]/', 'http://[2002:a01:203::1]/'])
      expect((await save({ url }, deny))[1]).toEndWith(' is in a network that is denied')
    const allow = { CARILLON_WEBHOOK_ALLOW: '10.0.0.0/8' }
    expect(await save({ url: 'http://127.0.0.1/' }, allow)).toEqual([
      422,
      'has the url "http://127.0.0.1/", which is refused: 127.0.0.1 is in no network that is allowed',
    ])
    expect(await save({ url: 'http://10.0.0.1/' }, allow)).toEqual([200])
  })

  test.each([
    [{ filter: { channel_name_starts: 'x' } }, 'has the unknown filter "channel_name_starts"'],
    [{ headers: { 'bad name': 'x' } }, 'has the header "bad name"'],
    [{ headers: { a: '\u20ac' } }, 'has the header "a"'],
    [{ headers: { a: 'b\r\nc: d' } }, 'has a filter or headers'],
    [{ event_types: ['nonsense'] }, 'has the event_types ["nonsense"]'],
  ])('%j: 422', async (more, mistake) => {
    const [status, text] = await save({ url: 'http://127.0.0.1/', ...more })
    expect([status, text]).toEqual([422, expect.stringContaining(mistake)])
  })
})

describe('7.6 making a connection', () => {
  /** Answers with one list of addresses after the other. */
  const changingItsMind = (...answers: readonly LookupAddress[][]): Resolve => {
    let requests = 0
    return async () => answers[Math.min(requests++, answers.length - 1)]!
  }
  const v4 = (address: string): LookupAddress => ({ address, family: 4 })
  const clock = {
    now: () => 0,
    mono: () => 0,
    after: () => () => undefined,
    every: () => () => undefined,
  }
  const posterFor = (resolve: Resolve, deny: string[] = []) =>
    createPoster({ clock, timeoutMs: 1000, networks: networkRules([], deny), resolve })
  const body = Buffer.from('{"events":[]}')

  test('a name that changes its mind is looked at each time that a connection is made', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => new Response('', { headers: { connection: 'close' } })
    const poster = posterFor(changingItsMind([v4('127.0.0.1')], [v4('169.254.169.254')]))
    const url = receiver.url.replace('127.0.0.1', 'rebinding.test')
    expect(await poster.post({ url, headers: {}, body })).toMatchObject({
      status: 200,
      error: null,
    })
    expect(await poster.post({ url, headers: {}, body })).toMatchObject({
      status: null,
      error: 'rebinding.test: 169.254.169.254 is a link-local or metadata address',
    })
    expect(receiver.requests.unread.length).toBe(1)
    poster.close()
  })

  test('one refused address among several is enough', async () => {
    const poster = posterFor(changingItsMind([v4('127.0.0.1'), v4('169.254.169.254')]))
    const { error } = await poster.post({ url: 'http://two.test:1/', headers: {}, body })
    expect(error).toContain('169.254.169.254 is a link-local')
    poster.close()
  })

  test('an address with a zone is looked at without it', async () => {
    const poster = posterFor(changingItsMind([{ address: 'fe80::1%eth0', family: 6 }]))
    const { error } = await poster.post({ url: 'http://zoned.test:1/', headers: {}, body })
    expect(error).toBe('zoned.test: fe80::1%eth0 is a link-local or metadata address')
  })

  test('an address that needs no resolving is looked at as well', async () => {
    await using receiver = new Receiver()
    const poster = posterFor(changingItsMind(), ['127.0.0.0/8'])
    expect(await poster.post({ url: receiver.url, headers: {}, body })).toMatchObject({
      status: null,
      error: '127.0.0.1 is in a network that is denied',
    })
    expect(receiver.requests.unread).toEqual([])
  })

  test('the operator is told; nothing was sent', async () => {
    await using receiver = new Receiver()
    const url = receiver.url.replace('127.0.0.1', 'localhost')
    const config = { webhookDeny: ['127.0.0.0/8', '::1'] }
    await using server = await startWithWebhooks([{ url }], { config })
    await using client = await server.raw()
    await client.subscribed('room')
    await waitUntilSettled(server)
    const { endpoints } = await readDeliveries(server)
    expect(endpoints[0]).toMatchObject({ state: 'failing', pending: 1, failing: 1 })
    expect(endpoints[0].attempts[0].error).toMatch(/^localhost: .* is in a network that is denied$/)
    expect(receiver.requests.unread).toEqual([])
  })
})
