/** Runs test files again, with `start` starting two servers that are one. */
import { afterAll, beforeAll, describe } from 'bun:test'
import { twoServers } from '../harness'

/** `files` are paths below `test`; their tests are registered in the file that calls this. */
export function overTwoServers(files: readonly string[]): void {
  beforeAll(() => void (twoServers.areMeant = true))
  afterAll(() => void (twoServers.areMeant = false))
  for (const file of files)
    describe(`two servers: ${file}`, async () => {
      await import(`../${file}.test.ts?servers=2`)
    })
}
