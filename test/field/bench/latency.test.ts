/** What the bench's latencies count: everything that was due, and nothing that was not. */
import { expect, test } from 'bun:test'
import { QUESTIONS } from '../../../bench/lib/catalogue'
import type { Outcome } from '../../../bench/lib/question'
import { addSide, parsePeer } from '../../../bench/lib/sides'
import { startMisbehavingPeer, type Misdeed } from './misbehaving-peer'

const TIMEOUT_MS = 30_000
const onLinux = test.skipIf(process.platform !== 'linux')

onLinux(
  'at a fixed rate a stall at the end counts for all messages that were due in it',
  async () => {
    // The hundredth of a hundred per second, 0.6 s into a measurement of one: forty are due in the
    // stall, of which sixteen publishers can send one each.
    const outcome = await play('stalls for a second', 'fanout', '/s')

    expect(outcome['lost']).toBe(0)
    expect(outcome['unsent']).toBeGreaterThan(10)
    expect(outcome['p90Ms']).toBeGreaterThan(400)
  },
  TIMEOUT_MS,
)

onLinux(
  'a server that closes after every answer is not charged for requests it never read',
  async () => {
    const outcome = await play('closes after every answer', 'trigger', '1 channel')

    // Little's law: eight connections wait for eight answers at the most.
    const waiting = (Number(outcome['p50Ms']) / 1000) * Number(outcome['requestsPerSecond'])
    expect(waiting).toBeLessThan(16)
    expect(outcome['refused']).toBe(0)
  },
  TIMEOUT_MS,
)

async function play(misdeed: Misdeed, name: string, label: string): Promise<Outcome> {
  using peer = startMisbehavingPeer(misdeed)
  addSide(misdeed, parsePeer(peer.url))
  const [question] = QUESTIONS[name]!
  const row = question!.smokeCases.find((each) => each.label.includes(label))!
  return await question!.play({ row, side: misdeed, seconds: 1, onProgress: undefined })
}
