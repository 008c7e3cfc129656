/** Webhooks from the environment, in the shape that soketi's users have. */
import { describe, expect, spyOn, test } from 'bun:test'
import { ConfigError, readConfig } from '../../src/config/config'
import { serve } from '../../kit/server'
import { start } from '../harness'
import { Receiver } from './receiver'

const sokets = (url: string): string =>
  JSON.stringify([
    {
      url,
      event_types: ['channel_occupied'],
      filter: { channel_name_starts_with: 'presence-', channel_name_ends_with: '-x' },
      headers: { 'x-token': 'abc' },
    },
  ])

const APP = { PUSHER_APP_ID: '7', PUSHER_APP_KEY: 'key7', PUSHER_APP_SECRET: 'secret7' }

describe.each([
  ['CARILLON_WEBHOOKS', {}],
  ['SOKETI_DEFAULT_APP_WEBHOOKS', {}],
  ['CARILLON_WEBHOOKS', APP],
])('%s with the app %j', (name, app) => {
  test('is what the app has', async () => {
    await using receiver = new Receiver()
    const env = { [name]: sokets(receiver.url), CARILLON_WEBHOOK_FLUSH_MS: '0', ...app }
    await using server = await serve({ env })
    await using client = await server.raw()
    for (const channel of ['presence-a', 'presence-a-x'])
      await server.signedIn(client, channel, { user_id: '1' })
    await using sdkServer = await start()
    const { key, secret } = server.app
    const { events, headers } = await receiver.next(sdkServer.sdk({ key, secret }))
    expect(events).toEqual(['channel_occupied presence-a-x'])
    expect(headers.get('x-token')).toBe('abc')
    const { data } = await (await server.admin('/api/admin/apps')).json()
    expect(data[0].webhooks).toEqual(JSON.parse(sokets(receiver.url)))
  })
})

const NO_LIST = 'expected a JSON list of at most 50 like '
test.each([
  ['no JSON', 'http://127.0.0.1/', NO_LIST],
  ['no list', '{}', NO_LIST],
  [
    'an unknown event',
    '[{"url":"http://127.0.0.1/","event_types":["x"],"headers":{"t":"hush"}}]',
    'entry 1 of 1 has the event_types ["x"]; known are ',
  ],
  [
    'an address that is never allowed',
    '[{"url":"http://169.254.169.254/"}]',
    'entry 1 of 1 has the url (hidden), which is refused: ',
  ],
])('%s stops the start, and is not shown', (_, value, why) => {
  const read = () => readConfig({ CARILLON_WEBHOOKS: value })
  expect(read).toThrow(ConfigError)
  expect(read).toThrow(`CARILLON_WEBHOOKS=(hidden): ${why}`)
  expect(read).not.toThrow('hush')
})

describe('what sends requests is loaded before the first', () => {
  const webhooks = [{ url: 'http://127.0.0.1:1/' }]

  test('at the start', async () => {
    using load = spyOn(process, 'getBuiltinModule')
    await using _server = await serve({ env: { CARILLON_WEBHOOKS: JSON.stringify(webhooks) } })
    expect(load.mock.calls).toContainEqual(['node:http'])
  })

  test('with the first endpoint', async () => {
    await using server = await start()
    using load = spyOn(process, 'getBuiltinModule')
    await server.change({ webhooks })
    expect(load.mock.calls).toContainEqual(['node:http'])
  })
})
