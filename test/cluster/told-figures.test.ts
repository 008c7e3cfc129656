/** What a node tells of its apps costs by how much changes. */
import { expect, spyOn, test } from 'bun:test'
import type { Context } from '../../src/cluster/context'
import { ToldFigures } from '../../src/cluster/nodes/told-figures'
import type { App } from '../../src/core/app'
import { count } from '../../src/core/counters'
import { WHOLE_NODE } from '../../src/core/figures'
import { start } from '../harness'

const MANY = 400

/** A server of many apps, and what it tells of them. */
async function startTelling() {
  let ms = 0
  const server = await start({ meter: () => ms })
  const { core } = server
  core.state.backlogOf ??= () => ({ pending: 0, failing: 0, dead: 0, oldest: null, paused: 0 })
  const { record } = core.apps.byId('1')!
  const apps = Array.from({ length: MANY }, (_, n) => {
    const names = { id: `${10 + n}`, name: `App ${n}`, slug: `app-${n}` }
    return core.apps.create({ ...record, ...names, keys: [{ key: `k${n}`, secret: 's' }] }, 0)
  })
  let written = 0
  for (const app of apps) {
    const { peaks } = app
    Object.defineProperty(app, 'peaks', { get: () => (written++, peaks) })
  }
  let told: string[] = []
  const figures = new ToldFigures({} as Context, async (_script, _isWhole, ...flat) => {
    told.push(...flat.filter((_, index) => index % 2 === 0).map(String))
    return 1
  })
  return {
    server,
    apps,
    pass: (amount: number) => void (ms += amount),
    /** Whose figures were told, and how many were written down for it. */
    async tell() {
      told = []
      written = 0
      await figures.tell(core)
      return { told: told.filter((id) => id !== WHOLE_NODE), written }
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

test('an app that has not changed is not written down, one that has is told', async () => {
  await using telling = await startTelling()
  const { apps, tell } = telling
  const [app, ...others] = apps as [App, ...App[]]
  for (const { counters } of others) counters.publications = 5
  expect(await tell()).toEqual({ told: others.map(({ id }) => id), written: MANY - 1 })
  expect(await tell()).toEqual({ told: [], written: 0 })
  const changes = [
    () => app.counters.deliveries++,
    () => count(app.tallies.refusalsByCode, 'too_often'),
    () => (app.gauges.connections = 2) + app.counters.connectionsAccepted++,
    () => app.gauges.connections--,
    () => count(app.subscriptionsByKind, 'public', 2) ?? app.counters.messagesSent++,
    () => count(app.subscriptionsByKind, 'public', -1),
  ]
  for (const change of changes) {
    change()
    expect(await tell()).toEqual({ told: [app.id], written: 1 })
    expect(await tell()).toEqual({ told: [], written: 0 })
  }
})

test('webhooks that wait are told whatever else is the same', async () => {
  await using telling = await startTelling()
  const { server, apps, tell } = telling
  const { backlogOf } = server.core.state
  await tell()
  for (const pending of [1, 2]) {
    const backlog = { pending, failing: 0, dead: 0, oldest: 1, paused: 0 }
    server.core.state.backlogOf = (app) => (app === apps[0] ? backlog : backlogOf!(app))
    expect((await tell()).told).toEqual([apps[0]!.id])
  }
  server.core.state.backlogOf = backlogOf
  expect((await tell()).told).toEqual([apps[0]!.id])
  expect((await tell()).told).toEqual([])
})

test('apps that are no more are found in as many turns as that takes', async () => {
  await using telling = await startTelling()
  const { server, apps, tell, pass } = telling
  const { core } = server
  for (const { counters } of apps) counters.publications = 5
  await tell()
  let looked = 0
  const { byId } = core.apps
  const look = spyOn(core.apps, 'byId').mockImplementation((id) => {
    if (++looked % 32 === 0) pass(1)
    return byId.call(core.apps, id)
  })
  expect(await tell()).toEqual({ told: [], written: 0 })
  expect(looked).toBe(0)
  core.apps.remove(apps[0]!, 0)
  looked = 0
  const before = core.slices.turns
  expect((await tell()).told).toEqual([apps[0]!.id])
  look.mockRestore()
  expect(looked).toBe(MANY)
  expect(core.slices.turns - before).toBeGreaterThanOrEqual(MANY / 32 / 3 - 2)
})
