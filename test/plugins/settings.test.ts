/** Settings of plugins for an app: what is taken, what is kept, and what plugins read. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, reject, t, type AnyPlugin } from 'carillon/plugin'
import { change, create, FORM, makeTemporary, requestAdmin } from '../http/admin-requests'
import { makePlugin, start, startCommon, type TestServer } from '../harness'

const SCHEMA = t.Object({
  per_day: t.Integer({ minimum: 1, maximum: 1000 }),
  words: t.Array(t.String({ maxLength: 5 }), { default: ['none'] }),
  text: t.Optional(t.String()),
  mode: t.Optional(t.Union([t.Literal('soft'), t.Literal('hard')])),
  either: t.Optional(t.Union([t.Literal(false), t.Integer()])),
})

/** Refuses events whose name is a word of the app, and tells what it has read. */
function makeQuota(seen: unknown[] = [], settings = SCHEMA): AnyPlugin {
  return definePlugin({
    name: 'quota',
    carillon: 1,
    settings,
    setup: ({ settingsOf }) => ({
      publish(app, { event }) {
        const own = settingsOf(app)
        seen.push(own)
        const words: readonly string[] = own?.words ?? []
        return words.includes(event) ? reject(`no ${event}`) : undefined
      },
    }),
  })
}

const OTHER = definePlugin({
  name: 'other',
  carillon: 1,
  settings: t.Object({ on: t.Boolean() }),
  setup: () => ({}),
})

const NAME = { name: 'my app' }
const trigger = (server: TestServer, name: string) =>
  server.trigger({ channel: 'room', name, data: '' })
const pluginsOf = async (server: TestServer, slug = 'my-app') =>
  (await requestAdmin(server, 'GET', `/${slug}`)).body.data.plugins

describe('through the admin API', () => {
  test('are set, shown, replaced and removed; those of other plugins stay', async () => {
    await using server = await start({ plugins: [makeQuota(), OTHER] })
    expect((await create(server, { name: 'without' })).body.data.plugins).toEqual({})
    const quota = { per_day: 5, text: 'mine' }
    const made = await create(server, { ...NAME, plugins: { quota, other: { on: true } } })
    expect([made.status, made.body.data.plugins]).toEqual([201, { quota, other: { on: true } }])
    expect(await pluginsOf(server)).toEqual({ quota, other: { on: true } })

    const replaced = await change(server, 'my-app', { plugins: { quota: { per_day: 6 } } })
    const now = { quota: { per_day: 6 }, other: { on: true } }
    expect([replaced.status, replaced.body.data.plugins]).toEqual([200, now])
    expect((await change(server, 'my-app', { active: true })).body.data.plugins).toEqual(now)
    const removed = await requestAdmin(server, 'PUT', '/my-app', {
      body: JSON.stringify({ app: { plugins: { other: null } } }),
    })
    expect(removed.body.data.plugins).toEqual({ quota: { per_day: 6 } })
  })

  test('the list of plugins has the schema of each that takes some', async () => {
    const none = makePlugin('none', {})
    await using server = await start({ plugins: [makeQuota(), OTHER, none] })
    const { data } = await (await server.admin('/api/admin/plugins')).json()
    const schema = { type: 'object', additionalProperties: false, required: ['on'] }
    expect(data[0].settings.properties.per_day).toEqual({
      type: 'integer',
      minimum: 1,
      maximum: 1000,
    })
    expect([data[1].settings, data[2].settings]).toEqual([
      { ...schema, properties: { on: { type: 'boolean' } } },
      null,
    ])
  })

  test('a form sends those of a plugin as JSON, or nothing to remove them', async () => {
    await using server = await start({ plugins: [makeQuota()] })
    const send = (text: string) =>
      requestAdmin(server, 'PATCH', '/test-app', {
        headers: FORM,
        body: new URLSearchParams({ 'app[plugins][quota]': text }).toString(),
      })
    expect((await send('{"per_day":7}')).body.data.plugins).toEqual({ quota: { per_day: 7 } })
    expect((await send('{')).body.errors).toEqual({
      plugins: ['has quota that is no object of settings'],
    })
    expect((await send('')).body.data.plugins).toEqual({})
  })

  describe('that are wrong change nothing, and are named', () => {
    const server = startCommon({ plugins: [makeQuota(), OTHER, makePlugin('plain', {})] })
    const none = (name: string) =>
      `has settings of ${name}, which is no loaded plugin that takes any; those that do are quota, other`
    const deep = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`)
    test.each([
      ['no object', [], 'is invalid: []; expected an object'],
      ['no settings', { quota: 5 }, 'has quota that is no object of settings'],
      ['a list of settings', { quota: [] }, 'has quota that is no object of settings'],
      ['a missing one', { quota: {} }, 'has a wrong quota.per_day: expected required property'],
      [
        'a number past its limit',
        { quota: { per_day: 1001 } },
        'has a wrong quota.per_day: expected integer to be less or equal to 1000',
      ],
      [
        'no choice',
        { quota: { per_day: 5, mode: 'weak' } },
        'has a wrong quota.mode: expected one of "soft", "hard"',
      ],
      [
        'neither of two',
        { quota: { per_day: 5, either: 'x' } },
        'has a wrong quota.either: expected union value',
      ],
      ['another type', { quota: { per_day: '5' } }, 'has a wrong quota.per_day: expected integer'],
      [
        'one deep inside',
        { quota: { per_day: 5, words: ['ok', 'too long'] } },
        'has a wrong quota.words.1: expected string length less or equal to 5',
      ],
      [
        'an unknown one',
        { quota: { per_day: 5, perDay: 6 } },
        'has a wrong quota.perDay: unexpected property',
      ],
      [
        'too many bytes',
        { quota: { per_day: 5, text: 'é'.repeat(8192) } },
        'has quota with 16407 bytes as JSON; the limit is 16384',
      ],
      ['too many levels', { quota: { per_day: deep } }, 'has quota that is nested too deep'],
      ['an unknown plugin', { nobody: {} }, none('nobody')],
      ['a plugin that takes none', { plain: null }, none('plain')],
      ['a name of every object', { constructor: {} }, none('constructor')],
      ['its prototype', JSON.parse('{"__proto__":{}}'), none('__proto__')],
    ])('%s', async (_, plugins, message) => {
      const { status, body } = await change(server(), 'test-app', { plugins })
      expect([status, body]).toEqual([422, { errors: { plugins: [message] } }])
      expect(await pluginsOf(server(), 'test-app')).toEqual({})
    })
  })
})

describe('what the plugin reads', () => {
  test('is there at once, has the defaults, and nobody can change it', async () => {
    const seen: any[] = [] // oxlint-disable-line no-explicit-any
    await using server = await start({ plugins: [makeQuota(seen)] })
    await trigger(server, 'none')
    await change(server, 'test-app', { plugins: { quota: { per_day: 5 } } })
    expect((await trigger(server, 'none')).status).toBe(403)
    await trigger(server, 'other')
    await change(server, 'test-app', { plugins: { quota: { per_day: 5, words: ['bad'] } } })
    expect((await trigger(server, 'none')).status).toBe(200)
    expect(seen).toEqual([
      undefined,
      { per_day: 5, words: ['none'] },
      { per_day: 5, words: ['none'] },
      { per_day: 5, words: ['bad'] },
    ])
    expect(seen[2]).toBe(seen[1])
    expect(() => seen[3].words.push('more')).toThrow(TypeError)
    expect(() => (seen[3].per_day = 1)).toThrow(TypeError)
    expect(await pluginsOf(server, 'test-app')).toEqual({ quota: { per_day: 5, words: ['bad'] } })
  })

  test('is nothing for a plugin without a schema, or for what is no app', async () => {
    const errors: unknown[] = []
    const asks = (name: string, more: object) =>
      definePlugin({
        name,
        carillon: 1,
        ...more,
        setup: ({ settingsOf, apps }) => {
          for (const app of [apps.byId('1')!, { id: '1' }])
            try {
              errors.push(settingsOf(app as never))
            } catch (cause) {
              errors.push((cause as Error).message)
            }
          return {}
        },
      })
    await using server = await start({ plugins: [asks('a', {}), asks('b', { settings: SCHEMA })] })
    expect(errors).toEqual([
      'the plugin a declares no settings',
      'expected an app as hooks are shown it',
      undefined,
      'expected an app as hooks are shown it',
    ])
    expect(server.totals.faults).toBe(0)
  })

  test('that its schema does not take any more is named at the start, and refuses', async () => {
    await using dir = makeTemporary()
    const config = { databasePath: dir.path }
    {
      await using server = await start({ config, plugins: [makeQuota()] })
      await change(server, 'test-app', { plugins: { quota: { per_day: 500 } } })
    }
    const stricter = t.Object({ ...SCHEMA.properties, per_day: t.Integer({ maximum: 10 }) })
    await using server = await start({ config, plugins: [makeQuota([], stricter)] })
    const mistake = 'has a wrong quota.per_day: expected integer to be less or equal to 10'
    expect(server.log.lines).toContainEqual({
      level: 'warn',
      message: 'apps have settings that their plugins do not take',
      fields: { appIds: ['1'], count: 1, mistakes: { 1: [mistake] } },
    })
    expect((await trigger(server, 'any')).status).toBe(500)
    const [line] = server.log.lines.filter(({ message }) => message === 'plugin failed')
    expect(line?.fields).toMatchObject({
      plugin: 'quota',
      err: { message: `plugins of app 1 ${mistake}` },
    })
    await change(server, 'test-app', { plugins: { quota: { per_day: 10 } } })
    expect((await trigger(server, 'any')).status).toBe(200)
  })
})

test('those of a plugin that is not loaded are kept and shown, and can only be removed', async () => {
  await using dir = makeTemporary()
  const config = { databasePath: dir.path }
  const plugins = { quota: { per_day: 5 }, other: { on: true } }
  {
    await using server = await start({ config, plugins: [makeQuota(), OTHER] })
    await create(server, { ...NAME, plugins })
  }
  await using server = await start({ config, plugins: [OTHER] })
  expect(await pluginsOf(server)).toEqual(plugins)
  const asShown = { plugins: { ...plugins, other: { on: false } } }
  expect((await change(server, 'my-app', asShown)).body.data.plugins).toEqual(asShown.plugins)
  expect((await change(server, 'my-app', { plugins: { quota: { per_day: 6 } } })).body).toEqual({
    errors: {
      plugins: ['has other settings of quota than before, which is not loaded: null removes them'],
    },
  })
  expect((await change(server, 'my-app', { plugins: { quota: null } })).body.data.plugins).toEqual({
    other: { on: false },
  })
})

describe('of apps from outside the database', () => {
  const app = (plugins: object) => ({ id: '7', key: 'k', secret: 's', plugins: plugins as never })

  test('come from there; what is changed lasts, and the rest follows', async () => {
    await using dir = makeTemporary()
    const config = { databasePath: dir.path }
    const plugins = [makeQuota(), OTHER]
    {
      const apps = [app({ quota: { per_day: 1 }, other: { on: true } })]
      await using server = await start({ config, plugins, apps })
      await change(server, '7', { plugins: { quota: null } })
    }
    {
      const apps = [app({ quota: { per_day: 2 }, other: { on: false } })]
      await using server = await start({ config, plugins, apps })
      expect(await pluginsOf(server, '7')).toEqual({ other: { on: false } })
      await change(server, '7', { plugins: { quota: { per_day: 3 } } })
    }
    await using server = await start({ config, plugins, apps: [app({})] })
    expect(await pluginsOf(server, '7')).toEqual({ quota: { per_day: 3 } })
  })

  test('that are wrong stop the start, without their value', async () => {
    const apps = [app({ quota: { per_day: 'secret' } })]
    await expect(start({ plugins: [makeQuota()], apps })).rejects.toThrow(
      'apps: apps[0].plugins: has a wrong quota.per_day: expected integer',
    )
  })
})

test('the document has them where a plugin takes some', async () => {
  await using server = await start({ plugins: [makeQuota()] })
  const { paths } = await (await server.http('/swagger/json')).json()
  const { schema } = paths['/api/admin/apps/{slug}'].patch.requestBody.content['application/json']
  const { quota } = schema.properties.app.properties.plugins.properties
  expect(quota.anyOf).toEqual([
    expect.objectContaining({
      type: 'object',
      additionalProperties: false,
      required: ['per_day', 'words'],
    }),
    { type: 'null' },
  ])
  expect(quota.anyOf[0].properties.per_day).toMatchObject({ minimum: 1, maximum: 1000 })
})

test('a schema that is none stops the start', async () => {
  for (const settings of [t.String(), { type: 'object' }, 'x', null])
    await expect(start({ plugins: [{ ...OTHER, settings } as never] })).rejects.toThrow(
      'plugin other: settings must be a schema, made with t.Object',
    )
})
