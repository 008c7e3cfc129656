/** The helper for stock pusher-js: a connection that is cut again before the channel is back misses nothing, either. */
import { expect, test } from 'bun:test'
import { Inbox, makePlugin } from '../harness'
import { Page, publish, startKeeping } from './page'

const ROOM = 'private-room'

/** What was signed for a connection of before comes too late, and is refused. */
test.each([
  [2, 'the late signatures first', false],
  [3, 'the late signatures first', false],
  [2, 'the late signatures last', true],
])('%d cuts before a private channel is authorised, %s', async (cuts, _, isLast) => {
  await using server = await startKeeping()
  const answers = new Inbox<() => void>()
  await using page = new Page(server, { onAuthorize: (answer) => answers.push(answer) })
  const joined = page.subscribe(ROOM)
  ;(await answers.next('the first signature'))()
  await joined
  await publish(server, ROOM, 1)
  expect((await page.events.next()).n).toBe(1)
  const late: (() => void)[] = []
  for (let cut = 1; cut <= cuts; cut++) {
    page.cut()
    late.push(await answers.next('a signature'))
    await publish(server, ROOM, 1 + cut)
  }
  const current = late.pop()!
  for (const answer of isLast ? [current, ...late] : [...late, current]) answer()
  await page.subscribed.next('the subscription')
  await publish(server, ROOM, 2 + cuts)
  const missed = Array.from({ length: cuts + 1 }, (__, n) => n + 2)
  expect((await page.events.take(cuts + 1)).map(({ n }) => n)).toEqual(missed)
  expect(page.recoveries).toEqual([[ROOM, { recovered: true, missed: cuts }]])
  await publish(server, ROOM, 100)
  expect((await page.events.next()).n).toBe(100)
})

test.each(['room', ROOM])('two cuts before what was missed in %s is told', async (channel) => {
  const asked = new Inbox<PromiseWithResolvers<void>>()
  let isHeld = false
  const gate = makePlugin('gate', {
    async subscribe() {
      if (!isHeld) return
      const held = Promise.withResolvers<void>()
      asked.push(held)
      await held.promise
    },
  })
  await using server = await startKeeping(undefined, { plugins: [gate] })
  await using page = new Page(server)
  await page.subscribe(channel)
  await publish(server, channel, 1)
  expect((await page.events.next()).n).toBe(1)
  isHeld = true
  page.cut()
  const first = await asked.next('the first subscribe')
  await publish(server, channel, 2)
  page.cut()
  const second = await asked.next('the second subscribe')
  await publish(server, channel, 3)
  for (const held of [first, second]) held.resolve()
  await page.subscribed.next('the subscription')
  await publish(server, channel, 4)
  expect((await page.events.take(3)).map(({ n }) => n)).toEqual([2, 3, 4])
  expect(page.recoveries).toEqual([[channel, { recovered: true, missed: 2 }]])
})
