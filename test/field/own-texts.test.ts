/**
 * What is kept of a frame is kept without the frame: names of channels, refs, who somebody is. Texts that
 * are cut out of another one hold all of it in memory.
 */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { execute } from './commands'

test('the heap does not grow by what is sent', async () => {
  const program = [process.execPath, join(import.meta.dir, 'own-texts.ts')] as const
  const where = { cwd: import.meta.dir, timeoutMs: 100_000 }
  const grown = JSON.parse(await execute(program, where)) as Record<string, number>
  expect(Object.keys(grown)).toHaveLength(8)
  expect(Object.entries(grown).filter(([, share]) => share > 0.5)).toEqual([])
})
