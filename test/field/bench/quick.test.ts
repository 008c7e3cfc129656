/** `bun run bench quick`, as README.md has it, but one question for one second. */
import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../../package.json'
import { ROOT } from '../../docs/pages'
import { execute, type Command } from '../commands'

const FEW = ['quick', 'trigger', '--seconds', '1', '--sides', 'carillon', '--cases', '1 channel']

test('bench quick plays, and keeps what it found', async () => {
  const [, entry = ''] = packageJson.scripts.bench.split('&& bun ')
  const command: Command = [process.execPath, entry, ...FEW]
  const output = await execute(command, { cwd: ROOT, timeoutMs: 50_000 })
  const [, kept = ''] = /Kept in (\S+\.jsonl)/.exec(output) ?? []
  rmSync(join(ROOT, kept))
  expect(output).toMatch(/^1 channel +carillon +[\d ]+\d/m)
})
