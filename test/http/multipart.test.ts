/** Multipart forms: their parts are counted before the runtime parses them, which takes long for many. */
import { expect, spyOn, test } from 'bun:test'
import { makeBasicAuth, PAIR } from '../credentials'
import { start } from '../harness'

test('of a multipart form the parts are counted before it is parsed', async () => {
  await using server = await start()
  using parse = spyOn(Response.prototype, 'formData')
  const headers = { 'content-type': 'multipart/form-data; charset=utf-8; boundary="a b"' }
  const answerTo = async (parts: number) => {
    const part = '--a b\r\nContent-Disposition: form-data; name="a[]"\r\n\r\n\r\n'
    const body = `${part.repeat(parts)}--a b--\r\n`
    const answer = await server.http('/api/push', {
      method: 'POST',
      body,
      headers: { ...headers, ...makeBasicAuth(PAIR) },
    })
    return [answer.status, await answer.text()]
  }
  expect((await answerTo(2048))[0]).toBe(422)
  expect(parse).toHaveBeenCalledTimes(1)
  const message = 'The form has more than 2048 fields'
  expect(await answerTo(2049)).toEqual([400, JSON.stringify({ errors: { detail: message } })])
  expect(parse).toHaveBeenCalledTimes(1)
})
