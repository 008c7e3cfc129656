/** One door: what only the engine may call, so that nothing which more than one connection sees gets past it. */
import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/** What only the engine does, and where. */
const ENGINE_ONLY = [
  { call: /\bhub\.(announce|deliver)\(/, files: ['core/node.ts'] },
  { call: /\bdismissUser\(/, files: ['core/node.ts', 'core/dismiss.ts'] },
  { call: /[.#]cache\.put\(/, files: ['core/one-node.ts'] },
  {
    call: /\b(apps\.apply|carryOut)\(/,
    // The command line changes a file that no node has open.
    files: [
      'cli/offline.ts',
      'cluster/channel-orders.ts',
      'cluster/nodes/questions.ts',
      'cluster/publications.ts',
      'cluster/records/targets.ts',
      'cluster/redis-engine.ts',
      'core/engine.ts',
      'core/node.ts',
      'core/one-node.ts',
    ],
  },
]

test('what more than one connection sees passes the engine', async () => {
  const files = await Array.fromAsync(new Glob('**/*.ts').scan(join(ROOT, 'src')))
  for (const { call, files: allowed } of ENGINE_ONLY) {
    const texts = await Promise.all(files.map((file) => Bun.file(join(ROOT, 'src', file)).text()))
    const callers = files.filter((_, index) => call.test(texts[index]!))
    expect({ call, others: callers.filter((file) => !allowed.includes(file)) }).toEqual({
      call,
      others: [],
    })
    expect(callers).not.toEqual([])
  }
})
