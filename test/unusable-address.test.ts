/** The server cannot listen: what the operator reads of the system's error. */
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { describeAddressError } from '../src/bind'
import { canBeDeprived, Program, dropCapabilities } from './program'

const REMEDY =
  'needs rights that this user does not have: ports below 1024 do. Set PORT to a higher one and put a proxy in front, or grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)'

const ROWS: readonly (readonly [
  code: string,
  host: string,
  port: number,
  line: string | undefined,
])[] = [
  ['EACCES', '127.0.0.1', 80, `127.0.0.1:80 ${REMEDY}`],
  ['EACCES', '::', 443, `[::]:443 ${REMEDY}`],
  ['EACCES', '127.0.0.1', 1024, '127.0.0.1:1024 needs rights that this user does not have'],
  [
    'EADDRINUSE',
    'localhost',
    80,
    'localhost:80 is in use by another process (set PORT to another one)',
  ],
  ['EAFNOSUPPORT', '::', 6001, '[::]:6001 is of a kind that this machine does not have'],
  ['ENOTFOUND', 'nowhere', 6001, 'nowhere:6001 is not a host that is known'],
  ['EAGAIN', 'nowhere', 6001, 'nowhere:6001 could not be looked up: no name server answers'],
  [
    'ERR_INVALID_ARG_TYPE',
    '::1%lo',
    6001,
    '[::1%lo]:6001 is not an address that the runtime can listen on',
  ],
  ['EMFILE', '127.0.0.1', 80, undefined],
]

test.each(ROWS)('%s on %s:%d', (code, host, port, line) => {
  const cause = Object.assign(new Error(code), { code })
  const place = { address: { host, port }, setting: 'PORT' }
  expect(describeAddressError(cause, place)).toBe(line)
})

/** The label of a name has 63 characters at most, so no name server is asked for this one. */
const IMPOSSIBLE = 'x'.repeat(64)

test('a name that cannot be resolved ends the start in one line', async () => {
  await using program = new Program({ HOST: IMPOSSIBLE })
  expect(await program.waitForExit()).toBe(1)
  expect(await program.errors).toBe(`carillon: ${IMPOSSIBLE}:0 is not a host that is known\n`)
})

const unprivileged = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
const isTrusted = existsSync(unprivileged) && Number(readFileSync(unprivileged, 'utf8')) > 80

test.skipIf(!canBeDeprived || !isTrusted)(
  'port 80 without the right to it says the remedy',
  async () => {
    await using program = new Program(
      { PORT: '80' },
      { command: dropCapabilities('net_bind_service') },
    )
    expect(await program.waitForExit()).toBe(1)
    expect(await program.errors).toBe(`carillon: 127.0.0.1:80 ${REMEDY}\n`)
  },
)
