/** Stock clients outside of browsers, by TLS: pusher-js and the SDK on Node.js, and phoenix.js. */
import { expect } from 'bun:test'
import { join } from 'node:path'
import { UNCHECKED } from '../../kit/client'
import { PATIENCE_MS, type TestServer } from '../harness'
import { PhoenixJs } from '../phoenix'
import { execute } from './commands'

const CERT = join(import.meta.dir, '../tls/first.crt')

class UncheckedSocket extends WebSocket {
  constructor(url: string) {
    super(url, UNCHECKED as never)
  }
}

/** Fails unless the SDK publishes at the port, and both libraries hear it. Node.js is needed. */
export async function tryStockClients(server: TestServer, port: number): Promise<void> {
  const { id, key, secret } = server.app
  const params = { app_key: key }
  const url = `wss://127.0.0.1:${port}`
  await using phoenix = new PhoenixJs(server, '1.8.16', { url, params, transport: UncheckedSocket })
  await phoenix.join('room', ['e'])
  const output = await execute(['node', 'pusher-by-tls.mjs', `${port}`, id, key, secret], {
    cwd: import.meta.dir,
    timeoutMs: PATIENCE_MS,
    variables: { NODE_EXTRA_CA_CERTS: CERT },
  })
  expect(output).toBe('{"by":"TLS"}\n')
  expect(await phoenix.events.next()).toEqual(['e', { by: 'TLS' }])
}
