/** Long posts of the HTTP fallback: what they bring is read a message at a time, in turns that have time. */
import { expect, test } from 'bun:test'
import { start } from '../harness'
import { XhrClient } from './xhr-client'

const LINE_ENDS = JSON.stringify('\n'.repeat(30_000))

/** Posts the body to a server whose clock of turns goes on by a millisecond with each look at it. */
async function postAndCountTurns(body: string) {
  let [looks, turn, isOver] = [0, 0, false]
  const looked = new Set<number>()
  const meter = (): number => {
    looked.add(turn)
    return looks++
  }
  await using server = await start({ meter })
  const client = await new XhrClient(server).open()
  const count = (): void => {
    turn++
    if (!isOver) setImmediate(count)
  }
  count()
  looked.clear()
  const { status } = await server.http(`${client.base}/xhr_send`, { method: 'POST', body })
  isOver = true
  return { status, turns: looked.size, messages: await client.messages(1) }
}

test('messages of escapes are read in several turns', async () => {
  const { status, turns, messages } = await postAndCountTurns(
    `[${Array(16).fill(LINE_ENDS).join()}]`,
  )
  expect(status).toBe(204)
  expect(turns).toBeGreaterThan(3)
  expect(messages[0]).toContain('expected a JSON object')
})

test('what is longer than any message may be is refused unread', async () => {
  const { status, messages } = await postAndCountTurns(`["${'\\n'.repeat(500_000)}"]`)
  expect(status).toBe(204)
  expect(messages[0]).toContain('Message of 1000002 characters exceeds the limit of 65536')
})
