/** Nodes over one Redis have the same apps, tokens and audit, whichever of them was asked. */
import { expect, test } from 'bun:test'
import type { AppRecord } from '../../../src/core/app'
import { changeApp } from '../../../src/core/app-changes'
import { AppOutdated } from '../../../src/core/apps'
import { waitUntil, type TestServer } from '../../harness'
import { describeWith } from '../programs'
import { APPS, ask } from './node'
import { startPair } from './pair'

const read = async (node: TestServer, path: string) => (await ask(node, 'GET', path)).body

/** Waits until both nodes answer alike. */
async function expectAlike(one: TestServer, two: TestServer, path: string): Promise<void> {
  const texts = async () => Promise.all([one, two].map(async (node) => read(node, path)))
  let last = await texts()
  await waitUntil(`${path} is alike`, () => {
    void texts().then((found) => (last = found))
    return Bun.deepEquals(last[0], last[1])
  })
}

describeWith('redis-server', 'two nodes', () => {
  test('an app that one makes, changes and deletes is made, changed and deleted on the other', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    const made = await ask(one, 'POST', APPS, { app: { name: 'Everywhere' } })
    expect(made.status).toBe(201)
    const { id, key } = made.body.data
    await waitUntil('it is there', () => two.core.apps.byKey(key) !== undefined)
    expect(await read(two, `${APPS}/everywhere`)).toEqual(made.body)

    const renamed = await ask(two, 'PATCH', `${APPS}/everywhere`, { app: { name: 'Elsewhere' } })
    expect(renamed.status).toBe(200)
    await waitUntil('it is changed', () => one.core.apps.bySlug('elsewhere') !== undefined)
    expect(one.core.apps.bySlug('everywhere')).toBeUndefined()
    const added = await ask(one, 'POST', `${APPS}/elsewhere/keys`)
    const second = added.body.data.keys[1].key
    await waitUntil('its key is there', () => two.core.apps.byKey(second) !== undefined)
    await using client = await two.raw({ path: `/app/${second}?protocol=7` })
    expect((await ask(one, 'DELETE', `${APPS}/elsewhere`)).status).toBe(204)
    expect(await client.closed).toMatchObject({ code: 4001 })
    expect(two.core.apps.byId(String(id))).toBeUndefined()
    await expectAlike(one, two, '/api/admin/audit')
    const rows = (await read(two, '/api/admin/audit')).data
    expect(rows.map(({ action }: { action: string }) => action)).toEqual([
      'app.deleted',
      'key.added',
      'app.changed',
      'app.created',
    ])
  })

  test('names are unique over both, and of two changes at once one is refused in words', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    const app = { name: 'Only once' }
    const made = await Promise.all([one, two].map((node) => ask(node, 'POST', APPS, { app })))
    expect(made.map(({ status }) => status).sort()).toEqual([201, 422])
    const refused = made.find(({ status }) => status === 422)
    expect(refused?.body).toEqual({ errors: { name: ['has already been taken'] } })
    await waitUntil('both have it', () =>
      [one, two].every(({ core }) => core.apps.bySlug('only-once')),
    )

    const recordOf = ({ core }: TestServer): AppRecord => core.apps.bySlug('only-once')!.record
    const changes = [{ clientEvents: false }, { subscriptionCounts: true }]
    const changed = await Promise.allSettled(
      [one, two].map(({ core }, index) =>
        changeApp(core, { ...core.apps.bySlug('only-once')!.record, ...changes[index] }),
      ),
    )
    expect(changed.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const lost = changed.findIndex(({ status }) => status === 'rejected')
    const [winner, loser] = lost === 1 ? [one, two] : [two, one]
    await waitUntil('the loser has it', () => Bun.deepEquals(recordOf(loser), recordOf(winner)))
    await changeApp(loser.core, { ...recordOf(loser), ...changes[lost] })
    await waitUntil('both have both', () => Bun.deepEquals(recordOf(loser), recordOf(winner)))
    expect(recordOf(winner)).toMatchObject({ ...changes[0], ...changes[1] })

    // In words, for whoever asks by HTTP.
    const { engine } = one.core
    const order = (): Promise<void> => Promise.reject(new AppOutdated())
    Object.assign(engine, { order })
    const refusal = await ask(one, 'PATCH', `${APPS}/only-once`, { app: { name: 'Lost app' } })
    const words = 'was changed by somebody else at the same time; look at it and try again'
    expect(refusal).toEqual({ status: 422, body: { errors: { app: [words] } } })
  })
})
