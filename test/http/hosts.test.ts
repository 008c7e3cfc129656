/** A path is read the same whatever the Host is, so that a proxy may close some paths. */
import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, waitFor, type TestServer } from '../harness'

/** What a URL can't have in the place of a host; undefined for no header, as in HTTP/1.0. */
const NONE = [undefined, '', 'a@b', 'a b', 'a/b', 'a?b', 'a#b', '/']
const HOSTS = ['localhost', 'a_b:1', 'x'.repeat(200)]

function statusOf(server: TestServer, path: string, host: string | undefined): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const lines = [
    `GET ${path} HTTP/1.0`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    `Authorization: ${makeBasicAuth(ADMIN_PAIR).authorization}`,
  ]
  const socket = connect(server.port, '127.0.0.1', () =>
    socket.write(`${lines.join('\r\n')}\r\n\r\n`),
  )
  socket.once('data', (bytes) => {
    socket.destroy()
    resolve(bytes.toString('latin1').slice(9, 12))
  })
  return waitFor(`the answer to ${path} of ${host}`, promise)
}

const config = { adminUsername: 'pusher_admin_username', adminPassword: 'an-own-password' }

test('no part of a path is cut off where the host is none', async () => {
  await using server = await start({ config })
  const statuses = (path: string, hosts: readonly (string | undefined)[]) =>
    Promise.all(hosts.map((host) => statusOf(server, path, host)))
  const all = (hosts: readonly unknown[], status: string) => hosts.map(() => status)
  for (const path of ['/aaaaaaaaaaaa/api/admin/apps', '/api/admin/apps', '/a/swagger/json'])
    expect(await statuses(path, NONE)).toEqual(all(NONE, '400'))
  expect(await statuses('/api/admin/apps', HOSTS)).toEqual(all(HOSTS, '401'))
  expect(await statuses('/aaaaaaaaaaaa/api/admin/apps', HOSTS)).toEqual(all(HOSTS, '404'))
  for (const path of ['/up', '/ready', '/up?a=b'])
    expect(await statuses(path, [...NONE, ...HOSTS])).toEqual(all([...NONE, ...HOSTS], '200'))
})
