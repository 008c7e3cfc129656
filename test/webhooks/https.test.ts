/** Endpoints behind TLS: nothing is sent to one that nobody vouches for. */
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { RawClient } from '../harness'
import { Program } from '../program'
import {
  readDeliveries,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
} from './receiver'

/** A certificate for the name `localhost` that vouches for itself, and its key. For tests only. */
const PEM = join(import.meta.dir, 'localhost.pem')
const tls = { cert: Bun.file(PEM), key: Bun.file(PEM) }
const useLocalhost = (url: string): string => url.replace('127.0.0.1', 'localhost')

test('a certificate that nobody vouches for: nothing is sent, and the operator is told why', async () => {
  await using receiver = new Receiver(tls)
  await using server = await startWithWebhooks([{ url: useLocalhost(receiver.url) }])
  occupy(server, 'room')
  await waitUntilSettled(server)
  await passTime(server, 10_000)
  const { endpoints, pending, failing } = await readDeliveries(server)
  expect([pending, failing, receiver.requests.unread]).toEqual([1, 1, []])
  for (const { status, error } of endpoints[0].attempts)
    expect([status, error]).toEqual([null, 'self signed certificate'])
})

test('an endpoint that speaks no TLS is told apart', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url.replace('http:', 'https:') }])
  occupy(server, 'room')
  await waitUntilSettled(server)
  const { endpoints } = await readDeliveries(server)
  expect(endpoints[0].attempts[0].error).toContain('WRONG_VERSION_NUMBER')
})

test('with NODE_EXTRA_CA_CERTS it is trusted, for its own name only', async () => {
  await using receiver = new Receiver(tls)
  await using program = new Program({
    NODE_EXTRA_CA_CERTS: PEM,
    PUSHER_ADMIN_USERNAME: 'admin',
    PUSHER_ADMIN_PASSWORD: 'test-admin-fake-password',
    CARILLON_WEBHOOKS: JSON.stringify([{ url: useLocalhost(receiver.url) }, { url: receiver.url }]),
  })
  const port = await program.waitUntilListening()
  await using client = new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key?protocol=7`)
  await client.hello()
  await client.subscribed('room')
  await using sdkServer = await startWithWebhooks([])
  const { events, headers } = await receiver.next(sdkServer.sdk())
  expect(events).toEqual(['channel_occupied room'])
  expect(headers.get('host')).toStartWith('localhost:')
  const asAdmin = { authorization: `Basic ${btoa('admin:test-admin-fake-password')}` }
  const report = await fetch(
    `http://127.0.0.1:${port}/api/admin/apps/test-app/webhooks/deliveries`,
    { headers: asAdmin },
  )
  const { endpoints } = (await report.json()).data
  expect(endpoints[1].attempts[0].error).toStartWith('Hostname/IP does not match')
  expect(receiver.requests.unread).toEqual([])
})
