/** Hosts that are written down while no plugin enforces them. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin } from '../../src/plugin'
import { makePlugin, start, type TestServer } from '../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const config = { databasePath: join(folder, 'apps.sqlite') }
const enforcer = definePlugin({
  ...makePlugin('enforcer', {}),
  enforces: { hosts: () => undefined },
})

const warnings = ({ log }: TestServer) =>
  log.lines.filter(({ message }) => message.includes('hosts'))

const change = (server: TestServer, hosts: readonly string[]): Promise<Response> =>
  server.admin('/api/admin/apps/test-app', {
    method: 'PATCH',
    body: JSON.stringify({ app: { hosts } }),
  })

test('hosts that were stored are told of at a start without a plugin that enforces them', async () => {
  {
    await using server = await start({ plugins: [enforcer], config })
    expect((await change(server, ['//good.example'])).status).toBe(200)
  }
  {
    await using server = await start({ plugins: [makePlugin('other', {})], config })
    expect(warnings(server)).toEqual([
      {
        level: 'warn',
        message: 'apps have hosts that no plugin enforces: every origin may connect to them',
        fields: { appIds: ['1'], count: 1 },
      },
    ])
    const refused = await change(server, ['//other.example'])
    expect([refused.status, await refused.json()]).toEqual([
      422,
      { errors: { hosts: ['are enforced by no plugin; expected an empty list'] } },
    ])
    expect((await change(server, [])).status).toBe(200)
  }
  await using server = await start({ config })
  expect(warnings(server)).toEqual([])
})

test('where a plugin enforces them there is nothing to tell', async () => {
  await using server = await start({
    plugins: [enforcer],
    apps: [{ id: '1', key: 'k', secret: 's', hosts: ['//good.example'] }],
  })
  expect(warnings(server)).toEqual([])
})
