/** Bodies under way: what all of them hold. */
import { expect, test } from 'bun:test'
import { Uploads, type Upload } from '../../src/core/uploads'
import { ManualClock } from '../../kit/clock'

test('together they hold so many bytes; past that the oldest is given up', () => {
  const uploads = new Uploads(new ManualClock(0), 1000)
  const givenUp: string[] = []
  const begin = (name: string): Upload => uploads.begin(() => givenUp.push(name))
  begin('of which nothing has come')
  const [a, b, c] = [begin('a'), begin('b'), begin('c')]
  for (const upload of [a, b, c]) uploads.receive(upload, 300)
  expect(givenUp).toEqual([])
  uploads.receive(c, 200)
  expect([givenUp, uploads.count]).toEqual([['a'], 3])
  uploads.receive(a, 900) // what still comes of it is nobody's
  uploads.end(a)
  uploads.receive(b, 200)
  expect(givenUp).toEqual(['a'])
  uploads.receive(b, 1)
  expect([givenUp, uploads.count]).toEqual([['a', 'b'], 2])
  uploads.end(c)
  const d = begin('d')
  uploads.receive(d, 1000)
  expect([givenUp, uploads.count]).toEqual([['a', 'b'], 2])
})
