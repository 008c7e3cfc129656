import { expect, test } from 'bun:test'
import { serve, testPlugin } from 'carillon/plugin-kit'
import { rollCall } from './roll-call'

test('keeps the contract of plugins', () => testPlugin(rollCall()))

test('publishes who is in a presence channel when somebody asks there', async () => {
  await using kit = await serve({ plugins: [rollCall()] })
  await using ada = await kit.raw()
  await kit.signedIn(ada, 'presence-lab', { user_id: 'ada' })
  await using grace = await kit.raw()
  await kit.signedIn(grace, 'presence-lab', { user_id: 'grace' })
  expect((await ada.nextJson()).event).toBe('pusher_internal:member_added')

  grace.send({ event: 'client-ask', channel: 'presence-lab', data: {} })
  expect((await ada.nextJson()).event).toBe('client-ask')
  for (const client of [ada, grace]) {
    const { event, data } = await client.nextJson()
    expect([event, JSON.parse(data as string)]).toEqual(['members', { ids: ['ada', 'grace'] }])
  }
})

test('answers nothing else', async () => {
  await using kit = await serve({ plugins: [rollCall()] })
  await using ada = await kit.raw()
  await kit.signedIn(ada, 'private-lab')
  ada.send({ event: 'client-ask', channel: 'private-lab', data: {} })
  await ada.expectNothing()
})
