/** What a server is installed with and what it loads when it starts: no more than every server needs. */
import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dependencies, scripts } from '../package.json'
import { Program } from './program'

const ROOT = join(import.meta.dir, '..')
const RUNTIME = Object.keys(dependencies)

const USUAL = ['@sinclair/typebox', 'elysia', 'pino', 'sonic-boom']
const GUARDED = `
  import { guardian } from 'carillon/plugins/guardian'
  export default { plugins: [guardian({ audience: 'us' })] }`

test.each([
  ['a start loads no package that few servers are asked for', undefined, USUAL],
  [
    'where tokens are expected, what verifies them is loaded at the start',
    GUARDED,
    [...USUAL, 'jose'].toSorted(),
  ],
])('%s', async (_, config, packages) => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  const file = join(folder, 'carillon.config.ts')
  if (config !== undefined) writeFileSync(file, config)
  const code =
    "await (await import('./src/serve')).serve(); console.error(JSON.stringify(Object.keys(require.cache))); process.exit()"
  await using program = new Program(config === undefined ? {} : { CARILLON_CONFIG: file }, {
    command: [process.execPath, '-e', code],
  })
  expect(await program.waitForExit()).toBe(0)
  const loaded = (await program.errors).trim()
  expect(RUNTIME.filter((name) => loaded.includes(`/node_modules/${name}/`)).toSorted()).toEqual(
    packages,
  )
  rmSync(folder, { recursive: true })
})

test.each([
  [
    'a command loads no framework',
    "(await import('./src/cli/main')).main(['help'])",
    ['commander'],
  ],
  [
    'a health check loads no package',
    "(await import('./src/cli/ready')).askReady({ PORT: '1' })",
    [],
  ],
])('%s', async (_, call, packages) => {
  const code = `await ${call}; console.error(JSON.stringify(Object.keys(require.cache)))`
  await using program = new Program({}, { command: [process.execPath, '-e', code] })
  expect(await program.waitForExit()).toBe(0)
  const loaded = (await program.errors).trim()
  expect(RUNTIME.filter((name) => loaded.includes(`/node_modules/${name}/`))).toEqual(packages)
})

/** Values only: types are gone when it runs. */
const IMPORT = /(?:^import (?!type )[^'"]*?from|\bimport\(|\brequire\()\s*'([^'.][^']*)'/gm

test('`bun run server` installs all that src and plugins import, and nothing for developers', async () => {
  expect(scripts.server).toStartWith('bun install --frozen-lockfile --production ')
  const imported = new Set<string>()
  for await (const file of new Glob('{src,plugins}/**/*.{ts,tsx}').scan(ROOT))
    for (const [, name = ''] of (await Bun.file(join(ROOT, file)).text()).matchAll(IMPORT))
      imported.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'))
  const own = ['bun', 'carillon', 'pusher-js'] // the last in snippets that the console shows
  const packages = Array.from(imported).filter((name) => !/^(node|bun):/.test(name))
  expect(packages.filter((name) => !own.includes(name)).sort()).toEqual(RUNTIME.toSorted())
})
