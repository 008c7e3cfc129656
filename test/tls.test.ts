/** TLS on the public port: certificates of files, renewed while sockets stay. */
import { describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { Certificate } from '../src/certificate'
import { readConfig } from '../src/config/config'
import { type RawClient, start, type TestServer } from './harness'

const PAIRS = join(import.meta.dir, 'tls')
const pem = (name: string): string => join(PAIRS, name)

/** Names of the certificates of the folder, none of which an authority has signed. */
type Name = 'first' | 'second' | 'third'

/** Files as an ACME client replaces them. */
class Files {
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-tls-'))
  readonly tlsCertFile = join(this.folder, 'server.crt')
  readonly tlsKeyFile = join(this.folder, 'server.key')

  constructor(name: Name) {
    this.put(name)
  }

  put(name: Name): void {
    copyFileSync(pem(`${name}.crt`), this.tlsCertFile)
    copyFileSync(pem(`${name}.key`), this.tlsKeyFile)
  }

  get settings() {
    return { tlsCertFile: this.tlsCertFile, tlsKeyFile: this.tlsKeyFile }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}

const UNCHECKED = { rejectUnauthorized: false }

/** The name in the certificate that a new connection is shown. */
async function nameAt(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({ host: '127.0.0.1', port, ...UNCHECKED }, () => resolve(socket))
  socket.on('error', reject)
  await promise
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN).replace('.carillon.test', '')
}

const CHANNEL = 'private-room'

async function member(server: TestServer): Promise<RawClient> {
  const client = await server.raw()
  await server.signedIn(client, CHANNEL)
  return client
}

/** What the server does every so often. */
const sweep = (server: TestServer): void => server.advance(server.core.timing.sweepIntervalMs)

/** Each of the clients hears the backend, and each of the others. */
async function expectAllHear(server: TestServer, clients: readonly RawClient[]): Promise<void> {
  await server.trigger({ channel: CHANNEL, name: 'all', data: 'x' })
  for (const client of clients) expect((await client.nextJson()).event).toBe('all')
  for (const sender of clients) {
    sender.send({ event: 'client-e', channel: CHANNEL, data: {} })
    for (const client of clients)
      if (client !== sender) expect((await client.nextJson()).event).toBe('client-e')
  }
  for (const client of clients) await client.expectNothing()
}

test('sockets and requests are encrypted, and nothing else is heard', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  expect((await server.http('/up')).status).toBe(200)
  expect(await nameAt(server.port)).toBe('first')
  await expect(fetch(`http://127.0.0.1:${server.port}/up`)).rejects.toThrow()
  await using one = await member(server)
  await using other = await member(server)
  await expectAllHear(server, [one, other])
})

test('a certificate that changes is taken, sockets stay, and hear each other', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  await using oldest = await member(server)
  files.put('second')
  sweep(server)
  expect(await nameAt(server.port)).toBe('second')
  await using middle = await member(server)
  await using other = await member(server)
  await expectAllHear(server, [oldest, middle, other])
  files.put('third')
  sweep(server)
  const { code } = await oldest.closing()
  expect(code).toBe(4200)
  sweep(server)
  expect(await nameAt(server.port)).toBe('third')
  await using newest = await member(server)
  await expectAllHear(server, [middle, other, newest])
  sweep(server)
  await expectAllHear(server, [middle, other, newest])
})

test('two take turns without end, where no socket stays', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  for (const name of ['second', 'third', 'first', 'second'] as const) {
    files.put(name)
    sweep(server)
    expect(await nameAt(server.port)).toBe(name)
  }
})

test('files that are no pair change nothing, and are told once', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  await using client = await member(server)
  copyFileSync(pem('second.crt'), files.tlsCertFile)
  sweep(server)
  sweep(server)
  expect(await nameAt(server.port)).toBe('first')
  const told = server.log.lines.filter(({ message }) => message.startsWith('the certificate'))
  expect(told).toMatchObject([
    { level: 'error', fields: { reason: expect.stringContaining('is not the key of') } },
  ])
  copyFileSync(pem('second.key'), files.tlsKeyFile)
  sweep(server)
  expect(await nameAt(server.port)).toBe('second')
  await expectAllHear(server, [client, await member(server)])
})

test('of a chain that is half written nothing is taken, nor is a socket lost', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  await using oldest = await member(server)
  files.put('second')
  sweep(server)
  const chain = readFileSync(pem('third.crt'), 'utf8')
  files.put('first')
  appendFileSync(files.tlsCertFile, chain.slice(0, 200))
  sweep(server)
  await expectAllHear(server, [oldest])
  expect(await nameAt(server.port)).toBe('second')
  const told = server.log.lines.filter(({ level }) => level === 'error')
  expect(told).toHaveLength(1)
  expect(told).toMatchObject([
    {
      fields: { reason: expect.stringContaining('a chain of certificates that cannot be used: ') },
    },
  ])
  appendFileSync(files.tlsCertFile, chain.slice(200))
  sweep(server)
  expect((await oldest.closing()).code).toBe(4200)
  sweep(server)
  expect(await nameAt(server.port)).toBe('first')
})

test('a link that leads to itself is told once, by its setting', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  rmSync(files.tlsKeyFile)
  symlinkSync(files.tlsKeyFile, files.tlsKeyFile)
  sweep(server)
  sweep(server)
  expect(await nameAt(server.port)).toBe('first')
  const told = server.log.lines.filter(({ level }) => level === 'error')
  expect(told).toHaveLength(1)
  expect(told).toMatchObject([
    {
      fields: { reason: expect.stringMatching(/^CARILLON_TLS_KEY_FILE=.* cannot be read: ELOOP/) },
    },
  ])
})

test('a certificate that could not be used yet is found again', () => {
  using files = new Files('first')
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = files
  const certificate = new Certificate({ certFile, keyFile, passphrase: undefined })
  const before = certificate.pair
  files.put('second')
  expect([certificate.reload(), certificate.reload()]).toEqual([true, false])
  certificate.keep(before)
  expect(certificate.pair).toBe(before)
  expect(certificate.reload()).toBe(true)
  expect(certificate.pair.tls.cert).toBe(readFileSync(pem('second.crt'), 'utf8'))
})

test('another server is refused the port', async () => {
  using files = new Files('first')
  await using server = await start({ config: files.settings })
  const { port } = server
  for (const config of [{ ...files.settings, port }, { port }])
    await expect(start({ config })).rejects.toThrow('is in use by another process')
})

describe('what a start refuses', () => {
  type Row = readonly [says: string, cert: string, key: string, passphrase: string | undefined]
  const ROWS: readonly Row[] = [
    ['CARILLON_TLS_CERT_FILE=/nowhere cannot be read', '/nowhere', pem('first.key'), undefined],
    ['CARILLON_TLS_KEY_FILE=/nowhere cannot be read', pem('first.crt'), '/nowhere', undefined],
    ['is not a file', PAIRS, pem('first.key'), undefined],
    ['holds no certificate', pem('first.key'), pem('first.key'), undefined],
    ['holds no private key', pem('first.crt'), pem('first.crt'), undefined],
    ['is not the key of the certificate', pem('first.crt'), pem('second.key'), undefined],
    ['CARILLON_TLS_PASSPHRASE does not open', pem('first.crt'), pem('encrypted.key'), undefined],
    ['CARILLON_TLS_PASSPHRASE does not open', pem('first.crt'), pem('encrypted.key'), 'wrong'],
  ]
  test.each(ROWS)('%s', async (says, tlsCertFile, tlsKeyFile, tlsPassphrase) => {
    const failed = start({ config: { tlsCertFile, tlsKeyFile, tlsPassphrase } })
    await expect(failed).rejects.toThrow(says)
  })
})

test('a key that is encrypted is opened', async () => {
  const config = {
    tlsCertFile: pem('first.crt'),
    tlsKeyFile: pem('encrypted.key'),
    tlsPassphrase: 'open-sesame',
  }
  await using server = await start({ config })
  expect(await nameAt(server.port)).toBe('first')
})

test.each([
  [{ CARILLON_TLS_CERT_FILE: 'a' }, 'CARILLON_TLS_KEY_FILE is not set'],
  [{ CARILLON_TLS_KEY_FILE: 'a' }, 'CARILLON_TLS_CERT_FILE is not set'],
  [{ CARILLON_TLS_PASSPHRASE: 'a' }, 'is set without CARILLON_TLS_CERT_FILE'],
])('%p: %s', (env, says) => {
  expect(() => readConfig(env)).toThrow(says)
})
