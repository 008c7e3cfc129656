/** What verifies tokens is loaded when there is a file descriptor for it. */
import { expect, test } from 'bun:test'
import type { Log } from 'carillon/plugin'
import { systemClock } from '../../src/clock'
import { Library } from '../../plugins/guardian/library'
import { verify } from '../../plugins/guardian/token'

test('where it cannot be loaded that is logged, and the next token tries again', async () => {
  const warnings: string[] = []
  const log = { warn: (_: object, text: string) => warnings.push(text) } as unknown as Log
  const noFile = new Error('EMFILE reading "token.ts"')
  const answers = [() => Promise.reject(noFile), () => Promise.resolve({ verify })]
  const library = new Library({ clock: systemClock, log }, () => answers.shift()!())
  expect(await library.tryToLoad()).toBeUndefined()
  expect(await library.tryToLoad()).toBe(verify)
  expect(await library.load()).toBe(verify)
  expect(warnings).toEqual(['tokens cannot be verified: what does it could not be loaded'])
})
