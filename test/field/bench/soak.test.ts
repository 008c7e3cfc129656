/**
 * A short soak: six ways in, a process that stands still, clocks that jump, `kill -9`. The long one is
 * `bun run bench soak --minutes N`.
 */
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const BENCH = join(import.meta.dir, '../../../bench/index.ts')
/** Abandoned long-polls are waited for twice. */
const TIMEOUT_MS = 180_000

test.skipIf(process.platform !== 'linux')(
  'nothing is lost, repeated, reordered, forgotten or kept',
  async () => {
    const short = ['--minutes', '0.1', '--connections', '1000']
    const command = [process.execPath, '--no-env-file', BENCH, 'soak', ...short]
    const soak = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' })
    const outputs = await Promise.all([
      new Response(soak.stdout).text(),
      new Response(soak.stderr).text(),
    ])
    expect([await soak.exited, outputs[1]]).toEqual([0, ''])
    expect(outputs[0]).toMatch(/process 1: \d+ lives, .* 0 faults/)
  },
  TIMEOUT_MS,
)
