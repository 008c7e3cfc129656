/** A roster's text: what stringifying all members would give, of which each is written once. */
import { describe, expect, test } from 'bun:test'
import { jsonText } from '../../src/core/json'
import { Roster } from '../../src/core/roster'
import type { JsonText, Member, Meta, UserId } from '../../src/core/types'
import { statePayload } from '../../src/protocols/phoenix-payloads'
import { pusher } from '../../src/protocols/pusher'
import { makeRandom } from '../random'

const NAMES = ['ada', '__proto__', '1', '"\\', '\ud800', '😀', 'a,b', '}:{', '\n', 'x'.repeat(50)]
const INFOS = [null, {}, { name: '"q"', deep: [{ a: '\\' }] }, '\udc00', 'text', 5, { é: '😀' }]

/** What an entry writes, and how often it did. */
function countWrites() {
  const entry = {
    write: ({ userId }: { readonly userId: string }) => (entry.writes++, jsonText(userId)),
    eachConnection: false,
    writes: 0,
  }
  return entry
}

const arrivalOf = (name: string, n: number) => {
  const userInfo = JSON.stringify(INFOS[n % INFOS.length]) as JsonText
  const meta: Meta = { id: `meta-${n}`, since: n, userInfo }
  const userIdJson = name === '1' && n % 2 === 0 ? ('1' as JsonText) : jsonText(name)
  return { member: { userId: name as UserId, userIdJson, userInfo }, meta }
}

describe('the text of a roster', () => {
  test('is that of all members, whoever came and went and came again', () => {
    const next = makeRandom(7)
    const roster = new Roster()
    const seats = new Map<string, { member: Member; metas: Meta[] }>()
    for (let n = 0; n < 2000; n++) {
      const name = NAMES[Math.floor(next() * NAMES.length)]!
      const seat = seats.get(name)
      if (seat && next() < 0.55) {
        const [meta] = seat.metas.splice(Math.floor(next() * seat.metas.length), 1)
        if (seat.metas.length === 0) seats.delete(name)
        expect(roster.leave({ userId: name as UserId, meta: meta! })).toBe(
          seats.has(name) ? undefined : seat.member,
        )
      } else {
        const arrival = arrivalOf(name, n)
        expect(roster.take(arrival)).toBe(seat?.member ?? arrival.member)
        if (seat) seat.metas.push(arrival.meta)
        else seats.set(name, { member: arrival.member, metas: [arrival.meta] })
      }
      if (next() < 0.5) continue
      const reply = { type: 'subscribed', channel: 'presence-r', members: roster } as never
      const members = Array.from(seats.values(), ({ member }) => member)
      const hash = members.map(({ userId, userInfo }) => `${jsonText(userId)}:${userInfo}`)
      const ids = members.map(({ userIdJson }) => userIdJson)
      const data = `{"presence":{"ids":[${ids}],"hash":{${hash}},"count":${seats.size}}}`
      expect(pusher.reply(reply)).toBe(
        `{"event":"pusher_internal:subscription_succeeded","channel":"presence-r","data":${jsonText(data)}}`,
      )
      const state = [...seats].map(([id, { metas }]) => {
        const each = metas.map(
          (meta) =>
            `{"phx_ref":"${meta.id}","online_at":${meta.since},"user_info":${meta.userInfo}}`,
        )
        return `${jsonText(id)}:{"metas":[${each}]}`
      })
      expect(statePayload(roster)).toBe(`{${state}}`)
    }
  })

  test('costs a write for each member, and none for each reader', () => {
    const roster = new Roster()
    const entry = countWrites()
    for (let n = 0; n < 500; n++) {
      roster.take(arrivalOf(`user-${n}`, n))
      roster.write(entry)
    }
    for (let n = 0; n < 500; n++) roster.take(arrivalOf(`user-${n}`, 1000 + n)) // another tab
    for (let n = 0; n < 500; n++) roster.write(entry)
    expect(entry.writes).toBe(500)
  })

  test('of each connection costs a write for who came or went, when somebody reads', () => {
    const roster = new Roster()
    let writes = 0
    const entry = { write: () => String(writes++), eachConnection: true }
    for (let n = 0; n < 100; n++) roster.take(arrivalOf(`user-${n % 10}`, n))
    roster.write(entry)
    for (let n = 0; n < 10; n++) roster.write(entry)
    expect(writes).toBe(10)
    const { member, meta } = arrivalOf('user-1', 100)
    roster.take({ member, meta })
    roster.leave({ userId: member.userId, meta })
    expect(writes).toBe(10)
    for (let n = 0; n < 10; n++) roster.write(entry)
    expect(writes).toBe(11)
  })
})
