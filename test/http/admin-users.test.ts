/** Signed-in users of an app for its operators: by id, a page at a time, and the end of one. */
import { expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { connectSignedIn } from '../protocols/signed-in'
import { create, requestAdmin } from './admin-requests'

type Row = { readonly id: string } & Readonly<Record<string, unknown>>
type Page = { readonly data: readonly Row[]; readonly next: string | null }

async function list(server: TestServer, query = ''): Promise<Page> {
  const { status, body } = await requestAdmin(server, 'GET', `/test-app/users${query}`)
  expect(status).toBe(200)
  return body as Page
}
const idsOf = ({ data }: Page): string[] => data.map(({ id }) => id)

test('lists each once, with the info that was signed, and the connections', async () => {
  await using server = await start()
  await using _nobody = await server.raw()
  await using first = await connectSignedIn(server, '{"id":"7","user_info":{"name":"Ada"}}')
  await using second = await connectSignedIn(server, '{"id":"7","user_info":{"name":"A."}}')
  await using third = await connectSignedIn(server, '{"id":"10"}')
  expect(await list(server)).toEqual({
    data: [
      { id: '10', user_info: null, connections: 1, socket_ids: [third.socketId] },
      {
        id: '7',
        user_info: { name: 'Ada' },
        connections: 2,
        socket_ids: [first.socketId, second.socketId],
      },
    ],
    next: null,
  })
  expect(idsOf(await list(server, '?filter_by_prefix=1'))).toEqual(['10'])
  expect(await list(server, '?filter_by_prefix=x')).toEqual({ data: [], next: null })
})

/** As backends may call their users. */
const ODD = ['"', '%2f', '../x', 'a b', 'a/b?c#d', '<b>', '__proto__', 'ä', '\u{1F600}']

test('whatever they are called, every page goes on after the last, and each can be ended', async () => {
  await using server = await start()
  const clients = await Promise.all(
    ODD.map((id) => connectSignedIn(server, JSON.stringify({ id }))),
  )
  const seen: string[] = []
  let cursor = ''
  for (;;) {
    const page = await list(server, `?limit=2${cursor}`)
    seen.push(...idsOf(page))
    if (page.next === null) break
    cursor = `&cursor=${encodeURIComponent(page.next)}`
  }
  expect(seen).toEqual(ODD.toSorted())
  for (const [index, id] of ODD.entries()) {
    const path = `/test-app/users/${encodeURIComponent(id)}`
    expect((await requestAdmin(server, 'DELETE', path)).status).toBe(204)
    expect((await clients[index]!.closing()).code).toBe(4009)
  }
  const audit = (await (await server.admin('/api/admin/audit')).json()) as { data: object[] }
  expect(audit.data).toMatchObject(
    ODD.toReversed().map((target) => ({ action: 'user.terminated', app_id: '1', target })),
  )
})

test('the end of what is called by dots deletes no app', async () => {
  await using server = await start()
  expect((await create(server, { name: 'other-app' })).status).toBe(201)
  for (const what of ['users', 'keys', 'connections'])
    for (const dots of ['..', '%2e%2e', '.%2E']) {
      const { status } = await requestAdmin(server, 'DELETE', `/other-app/${what}/${dots}`)
      expect([what, dots, status]).toEqual([what, dots, 404])
    }
  expect((await requestAdmin(server, 'GET', '/other-app')).status).toBe(200)
})
