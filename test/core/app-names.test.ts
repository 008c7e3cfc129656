/** Many apps: what a start or a new app looks at grows with the apps concerned, not with all pairs. */
import { expect, test } from 'bun:test'
import { NEW_APP } from '../../src/core/app'
import { AppNames, findClashes } from '../../src/core/app-names'
import type { ProvidedApp } from '../../src/core/provided-apps'
import { appStore } from '../../src/store/apps'
import { openDatabase } from '../../src/store/sqlite'
import { start } from '../harness'

const appOf = (index: number, changes: Partial<ProvidedApp> = {}): ProvidedApp => ({
  ...NEW_APP,
  id: `id-${index}`,
  name: `name ${index}`,
  slug: `slug-${index}`,
  keys: [{ key: `key-${index}`, secret: 's' }],
  providedBy: 'a file',
  ...changes,
})
const appsOf = (count: number): ProvidedApp[] => Array.from({ length: count }, (_, n) => appOf(n))

/** Things whose reads are counted. */
function countReads<T extends object>(things: readonly T[]) {
  const seen = { reads: 0 }
  const get = (target: T, key: string | symbol): unknown => {
    seen.reads++
    return Reflect.get(target, key) as unknown
  }
  return { seen, things: things.map((thing) => new Proxy(thing, { get })) }
}

test('apps of a file are compared with those that they may clash with', () => {
  const readsOf = (count: number): number => {
    const { seen, things } = countReads(appsOf(count))
    expect(findClashes(things)).toEqual([])
    return seen.reads
  }
  expect(readsOf(2000)).toBe(2 * readsOf(1000))
})

test.each<[string, Partial<ProvidedApp>, string[]]>([
  ['nothing', {}, []],
  ['an id', { id: 'id-1' }, ['id id-1, as the app id-1']],
  ['a slug that is an id', { slug: 'id-1' }, ['slug id-1, as the app id-1']],
  ['an id that is a slug', { id: 'slug-1' }, ['id slug-1, as the app id-1']],
  ['a name', { name: 'name 0' }, ['name name 0, as the app id-0']],
  ['a key', { keys: [{ key: 'key-2', secret: 's' }] }, ['key key-2, as the app id-2']],
  [
    'of two apps something',
    { name: 'name 2', slug: 'slug-0' },
    ['slug slug-0, as the app id-0', 'name name 2, as the app id-2'],
  ],
])('two apps may not have the same: %s', (_, changes, clashes) => {
  const one = appOf(9, changes)
  expect(findClashes([...appsOf(3), one])).toEqual(
    clashes.map((clash) => `a file: the app ${one.id} has the ${clash} of a file has`),
  )
})

test('of a thousand apps of one name a hundred clashes are told', () => {
  const apps = appsOf(1000).map((app) => ({ ...app, name: 'the same' }))
  expect(findClashes(apps)).toHaveLength(100)
})

test('stored apps are read in two queries, however many there are', async () => {
  using db = openDatabase(':memory:')
  let queries = 0
  const get = (target: typeof db, key: keyof typeof db): unknown => {
    if (key === 'query') queries++
    const value = target[key]
    return typeof value === 'function' ? value.bind(target) : value
  }
  const store = appStore(new Proxy(db, { get: get as ProxyHandler<typeof db>['get'] & object }))
  const dialects = { eplBridge: false, publicClientEvents: false } // as they are stored
  const records = appsOf(20).map(({ providedBy: _by, ...record }, createdAt) => ({
    ...record,
    dialects,
    createdAt,
  }))
  for (const record of records) store.insert(record, record.createdAt)
  const two = [...records[3]!.keys, { key: 'second', secret: 't' }]
  store.update({ ...records[3]!, keys: two }, 99)
  queries = 0
  expect(store.all()).toEqual(records.with(3, { ...records[3]!, keys: two }))
  expect(queries).toBe(2)
})

test('a new app is compared with those that it may clash with', async () => {
  await using server = await start({
    apps: appsOf(500).map(({ id, name, slug, keys: [pair] }) => ({ id, name, slug, ...pair! })),
  })
  const { apps } = server.core
  const { seen, things } = countReads(Array.from(apps.all(), ({ record }) => record))
  for (const [index, app] of Array.from(apps.all()).entries())
    Object.assign(app, { record: things[index] })
  expect(apps.findConflicts(appOf(1000))).toEqual([])
  expect(seen.reads).toBe(0)
  expect(apps.findConflicts(appOf(1000, { name: 'name 7', slug: 'id-3' }))).toEqual([
    'name',
    'slug',
  ])
  expect(seen.reads).toBeLessThan(50)
})

test('a slug of two apps is the first one’s, and the other’s when it goes', async () => {
  await using server = await start({
    apps: appsOf(2).map(({ id, name, slug, keys: [pair] }) => ({ id, name, slug, ...pair! })),
  })
  const { apps } = server.core
  const [first, second] = [apps.byId('id-0')!, apps.byId('id-1')!]
  apps.change(second, { ...second.record, slug: 'slug-0' }, 0)
  expect(apps.bySlug('slug-0')).toBe(first)
  apps.change(first, { ...first.record, slug: 'another' }, 0)
  expect([apps.bySlug('slug-0'), apps.bySlug('another')]).toEqual([second, first])
  expect(apps.findConflicts({ ...first.record, slug: 'slug-0' }, first)).toEqual(['slug'])
  expect(apps.findConflicts({ ...first.record, slug: 'id-0' }, first)).toEqual([])
})

test('what was given back is nobody’s', () => {
  const names = new AppNames<string>()
  const [app] = appsOf(1)
  names.add('a', app!)
  names.add('b', app!)
  names.remove('a', app!)
  expect([...names.ownersOf(app!)]).toEqual(['b'])
  names.remove('b', app!)
  expect([...names.ownersOf(app!)]).toEqual([])
})
