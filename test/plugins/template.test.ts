import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { serve, testPlugin } from 'carillon/plugin-kit'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { template } from '../../plugins/template'

const folder = mkdtempSync(join(tmpdir(), 'template-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const database = join(folder, 'app.sqlite')
const db = new Database(database, { create: true })
db.run('CREATE TABLE sessions (token TEXT, user TEXT)')
db.run('CREATE TABLE grants (user TEXT, channel TEXT)')
db.run("INSERT INTO sessions VALUES ('s3cret', 'ada')")
db.run("INSERT INTO grants VALUES ('ada', 'private-lab'), ('ada', 'presence-lab')")
db.close()

const as = (session: string) => ({ path: `/app/test-app-fake-key?session=${session}` })

test('keeps the contract of plugins', async () => {
  await testPlugin(template({ database }))
  await testPlugin(template({ database }), { arrive: as('s3cret') })
})

test('lets a user into the channels of the table, and says who it is', async () => {
  await using kit = await serve({ plugins: [template({ database })] })
  await using ada = await kit.raw(as('s3cret'))
  await ada.subscribed('private-lab')
  expect(await ada.subscribed('presence-lab')).toContain('\\"ids\\":[\\"ada\\"]')
})

test('leaves everything else to the signature', async () => {
  await using kit = await serve({ plugins: [template({ database })] })
  await using ada = await kit.raw(as('s3cret'))
  ada.subscribe('private-office')
  expect(await ada.next()).toContain('subscription_error')
  await using guest = await kit.raw()
  await kit.signedIn(guest, 'private-lab')
})

test('refuses a session that it does not know', async () => {
  await using kit = await serve({ plugins: [template({ database })] })
  await using client = await kit.raw({ ...as('stale'), hello: false })
  const { code, reason } = await client.closing()
  expect([code, reason]).toEqual([4009, 'Unknown session; log in again'])
})
