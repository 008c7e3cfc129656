/**
 * What a package of the project holds: the server, the kit, the plugins and what people read, and no tests or bench.
 * test/field/package.test.ts packs it with its declarations, and installs it.
 */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import declarations from '../../declarations/tsconfig.json'
import { bin, exports } from '../../package.json'

const ROOT = join(import.meta.dir, '../..')

/** Names of what is private, or of no use to who installs a server. */
const NOT_PACKED =
  /\.test\.|^(?:test|bench|release|openapi|node_modules|data|dist|\.ci|\.git)\/|(?:^|\/)(?:\.env|\.npmrc|bunfig\.toml|bun\.lock|tsconfig\.json)$|\.(?:sqlite|credentials|pem|key|log|tgz)\b/

test('a packed server is its sources, the plugins and the documents', () => {
  const { stdout } = Bun.spawnSync(
    [process.execPath, 'pm', 'pack', '--dry-run', '--ignore-scripts'],
    { cwd: ROOT },
  )
  const packed = [...stdout.toString().matchAll(/^packed\s+\S+\s+(\S+)$/gm)].map(
    ([, file]) => file!,
  )
  const parts = new Set(packed.map((file) => file.split('/')[0]!))
  parts.delete('declarations') // they are there once somebody has packed
  expect([...parts].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'carillon.config.ts',
    'docs',
    'kit',
    'ops',
    'package.json',
    'plugins',
    'src',
  ])
  expect(packed).toContain('src/index.ts')
  expect(packed).toContain('kit/plugin-kit.ts')
  expect(packed).toContain(bin.carillon)
  expect(packed.filter((file) => NOT_PACKED.test(file))).toEqual([])
  const compiled = declarations.files.map((file) =>
    file.replace('../', './declarations/').replace(/(?<!\.d)\.ts$/, '.d.ts'),
  )
  for (const [name, { types, default: file }] of Object.entries(exports)) {
    const hasTypes = compiled.includes(types) || packed.includes(types.slice(2))
    expect({ name, hasTypes, isPacked: packed.includes(file.slice(2)) }).toEqual({
      name,
      hasTypes: true,
      isPacked: true,
    })
  }
})
