import { expect, test } from 'bun:test'
import { serve, testPlugin } from 'carillon/plugin-kit'
import { monthlyQuota } from './monthly-quota'

const EVENT = { channel: 'room', name: 'greeting', data: 'hello' }
const DAY_MS = 24 * 3_600_000
const now = Date.UTC(2026, 10, 29)

test('keeps the contract of plugins', () => testPlugin(monthlyQuota({ triggersPerMonth: 100 })))

test('refuses triggers past the quota until the next month, and says how many are left', async () => {
  await using kit = await serve({ now, plugins: [monthlyQuota({ triggersPerMonth: 2 })] })
  const remaining = async (): Promise<string | null> =>
    (await kit.trigger(EVENT)).headers.get('x-quota-remaining')
  expect([await remaining(), await remaining()]).toEqual(['1', '0'])

  const refused = await kit.trigger(EVENT)
  const twoDays = String((2 * DAY_MS) / 1000)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, twoDays])
  expect(await refused.text()).toContain('All 2 triggers of this month are used')

  kit.advance(2 * DAY_MS)
  expect(await remaining()).toBe('1')
})

test('counts no trigger that was refused', async () => {
  await using kit = await serve({ now, plugins: [monthlyQuota({ triggersPerMonth: 2 })] })
  const invalid = await kit.trigger({ ...EVENT, channel: 'no channel' })
  expect([invalid.status, invalid.headers.get('x-quota-remaining')]).toEqual([400, '2'])
})

test('lists what was used, for admins', async () => {
  await using kit = await serve({ now, plugins: [monthlyQuota({ triggersPerMonth: 2 })] })
  await kit.trigger(EVENT)
  expect((await kit.http('/plugins/monthly-quota')).status).toBe(401)
  const response = await kit.admin('/plugins/monthly-quota')
  expect(await response.json()).toEqual([{ app: kit.app.id, used: 1 }])
})
