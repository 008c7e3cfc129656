/** `plugins/README.md` is right: its table is HOOKS, its examples type-check and run. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOOKS, type HookRow } from '../../src/core/plugin'
import { WIRE_ERRORS } from '../../src/protocols/errors'

const ROOT = join(import.meta.dir, '../..')
const text = await Bun.file(join(ROOT, 'plugins/README.md')).text()
const blocks = Array.from(text.matchAll(/```ts\n([^]*?)```/g), ([, code = '']) => code)
const block = (mark: string): string => blocks.find((code) => code.includes(mark))!

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(ROOT, join(folder, 'node_modules/carillon'))
  symlinkSync(join(ROOT, 'node_modules/@types/bun'), join(folder, 'node_modules/@types/bun'))
  const files = {
    'members.ts': block('export const members'),
    'members.test.ts': block('keeps the contract of plugins'),
    'carillon.config.ts': block('defineConfig({'),
    'quota.ts': block('export const quota'),
    'every-hook.ts': block('export const everyHook'),
    'moderated.ts': block('export const moderated'),
    'every-hook.test.ts': `
      import { test } from 'bun:test'
      import { testPlugin } from 'carillon/plugin-kit'
      import { everyHook } from './every-hook'
      test('every hook keeps the contract', () => testPlugin(everyHook))`,
    'tsconfig.json':
      '{"compilerOptions":{"strict":true,"module":"Preserve","moduleResolution":"bundler","target":"ESNext","lib":["ESNext"],"types":["bun"],"noEmit":true,"skipLibCheck":true,"allowImportingTsExtensions":true,"exactOptionalPropertyTypes":true,"noUncheckedIndexedAccess":true,"resolveJsonModule":true},"include":["*.ts"]}',
  }
  for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content)
})

test('its table is the table of hooks', () => {
  const rows = Array.from(
    text.matchAll(/^\| `(\w+)` +\| (gate|filter|tap) +\|[^|]*\| (yes|no|declared) +\|/gm),
    ([, name, kind, waits]) => ({ name, kind, waits }),
  )
  const expected = Object.entries<HookRow>(HOOKS).map(([name, { kind, waits }]) => ({
    name,
    kind: kind as string,
    waits: waits === 'declared' ? waits : waits ? 'yes' : 'no',
  }))
  expect(rows).toEqual(expected)
})

test('its table of codes is WIRE_ERRORS', () => {
  const rows = Array.from(
    text.matchAll(/^\| `(\w+)` +\| [^|]+ \| (\d*)(, closes)? *\| (\d+) *\|/gm),
    ([, code, pusher, closes, http]) => ({
      code,
      pusher: pusher === '' ? null : Number(pusher),
      closes: closes !== undefined,
      http: Number(http),
    }),
  )
  const expected = Object.entries(WIRE_ERRORS).map(([code, { pusher, closes, http }]) => ({
    code,
    pusher,
    closes,
    http,
  }))
  expect(rows as unknown).toEqual(expected)
})

test('its example of every hook has every hook', () => {
  const code = block('export const everyHook')
  for (const name of Object.keys(HOOKS))
    expect(code).toMatch(new RegExp(`^ {6}(async )?${name}[:(]`, 'm'))
})

test.each(['check', 'test --timeout 20000'])('its examples pass bun %s', async (command) => {
  const child = Bun.spawn([process.execPath, ...command.split(' ')], {
    cwd: folder,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output =
    (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
  if ((await child.exited) !== 0) throw new Error(output)
})
