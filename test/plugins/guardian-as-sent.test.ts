/** The claims of a token about its bearer are `user_info` as they were written. */
import { expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { startCommon } from '../harness'
import { OBJECTS } from '../protocols/as-sent'
import { makeClaims, makeHmacToken } from './tokens'

const server = startCommon({ plugins: [guardian()] })

const withId = (info: string): string => info.replace(/}$/, ',"id":7}')

const CLAIMS: Readonly<Record<string, (info: string) => string>> = {
  info: (info) => `"sub":"7","info" : ${info}`,
  'info beside a subject that is an object': (info) => `"info":${info},"sub":{"id":7,"n":1}`,
  'the subject': (info) => `"info":null,"sub":${withId(info)}`,
}
test.each(Object.entries(CLAIMS))('%s', async (name, claims) => {
  for (const info of OBJECTS) {
    await using client = await server().raw()
    const { iat, exp, listen } = makeClaims(server())
    const payload = `${JSON.stringify({ iat, exp, listen }).slice(0, -1)},${claims(info)}}`
    const token = makeHmacToken(server().app.secret, payload)
    const frame = await client.subscribed('presence-a', token)
    const expected = name === 'the subject' ? withId(info) : info
    expect(JSON.parse(JSON.parse(frame).data).presence.count).toBe(1)
    expect(JSON.parse(frame).data).toContain(`"hash":{"7":${expected}}`)
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-a' } })
    await client.expectNothing()
  }
})
