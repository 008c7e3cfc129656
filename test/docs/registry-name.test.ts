/**
 * The name `carillon` is not ours on public registries: nothing in this repository, printed, documented or shipped,
 * has a package client resolve it there.
 */
import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { join } from 'node:path'
import { isRecord } from '../../src/core/json'
import { blocksOf, ROOT } from './pages'

/** The name alone, perhaps with a version: no path, no file, no part of a longer name. */
const NAME = String.raw`(?<![\w@/.-])carillon(?:@[\w.^~*-]+)?(?![\w/.-])`

const COMMANDS = [
  // npx carillon, bunx --bun carillon, npm exec -- carillon
  String.raw`\b(?:npx|bunx|pnpx)\s+(?:-\S+\s+)*${NAME}`,
  String.raw`\b(?:npm|bun|pnpm|yarn|deno)\s+(?:install|i|add|ci|create|init|exec|x|dlx|update|up|view|info|link)\s+(?:[^\s"'\`]+\s+)*?${NAME}`,
  String.raw`\b(?:npm|jsr):${NAME}`,
  String.raw`\b(?:unpkg\.com|esm\.sh|cdn\.jsdelivr\.net/npm|cdn\.skypack\.dev)/carillon\b`,
].map((form) => new RegExp(form, 'g'))

const findCommands = (text: string): string[] => COMMANDS.flatMap((form) => text.match(form) ?? [])

/** What a package.json says of the name that a client would look up and install. */
function findDependencies(manifest: unknown): string[] {
  if (!isRecord(manifest)) return []
  const meta = isRecord(manifest['peerDependenciesMeta']) ? manifest['peerDependenciesMeta'] : {}
  const peer = meta['carillon']
  const isOptional = isRecord(peer) && peer['optional'] === true
  return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].filter(
    (kind) => {
      const names = manifest[kind]
      const range = isRecord(names) ? names['carillon'] : undefined
      if (typeof range !== 'string' || /^(?:file:|\.{0,2}\/)/.test(range)) return false
      return kind !== 'peerDependencies' || !isOptional
    },
  )
}

const isOurs = (file: string): boolean =>
  !/(?:^|\/)(?:node_modules|\.git|\.cache|data|results)\//.test(file)
const FILES = [...new Glob('**/*').scanSync({ cwd: ROOT, dot: true })].filter(isOurs)
const readFile = (file: string): Promise<string> => Bun.file(join(ROOT, file)).text()

test('no command, address or import in any file resolves the name', async () => {
  const texts = FILES.filter(
    (file) =>
      /(?:^|\/)run$|\.(?:md|ts|js|mjs|json|html|sh|ya?ml|toml)$/.test(file) &&
      !import.meta.path.endsWith(file),
  )
  expect(texts.length).toBeGreaterThan(500)
  const found = await Promise.all(
    texts.map(async (file) => findCommands(await readFile(file)).map((what) => `${file}: ${what}`)),
  )
  expect(found.flat()).toEqual([])
})

test('no package.json, nor one that a page shows, has a client install it', async () => {
  const manifests = FILES.filter((file) => file.endsWith('package.json'))
  expect(manifests.length).toBeGreaterThan(3)
  for (const file of manifests) {
    const kinds = findDependencies(JSON.parse(await readFile(file)))
    expect({ file, kinds }).toEqual({ file, kinds: [] })
  }
  for (const file of FILES.filter((name) => name.endsWith('.md')))
    for (const { language, code } of blocksOf(await readFile(file)))
      if (language === 'json')
        expect({ file, kinds: findDependencies(JSON.parse(code)) }).toEqual({ file, kinds: [] })
})

test.each([
  'npm install carillon',
  'bun add -d carillon@latest',
  'npm i pusher-js carillon',
  'npx carillon',
  'bunx --bun carillon --help',
  'npm create carillon',
  'pnpm dlx carillon',
  "import x from 'npm:carillon'",
  'https://unpkg.com/carillon',
])('%s would be found', (text) => {
  expect(findCommands(`Run \`${text}\` there`).length).toBe(1)
})

test.each([
  'bun add ../carillon/carillon-0.1.0.tgz',
  'npm install /path/to/carillon-0.1.0.tgz',
  'ln -s /path/to/carillon node_modules/carillon',
  'bun node_modules/carillon/src/index.ts',
  "import { t } from 'carillon/plugin'",
])('%s is none', (text) => {
  expect(findCommands(`Run \`${text}\` there`)).toEqual([])
})

test.each([
  [{ dependencies: { carillon: '^0.1.0' } }, ['dependencies']],
  [{ devDependencies: { carillon: 'latest' } }, ['devDependencies']],
  [{ peerDependencies: { carillon: '*' } }, ['peerDependencies']],
  [{ dependencies: { carillon: 'file:carillon-0.1.0.tgz' } }, []],
  [
    {
      peerDependencies: { carillon: '*' },
      peerDependenciesMeta: { carillon: { optional: true } },
    },
    [],
  ],
])('what %j has a client install is found', (manifest, kinds) => {
  expect(findDependencies(manifest)).toEqual(kinds)
})
