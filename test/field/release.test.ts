/** A release, made in a checkout of its own: what it refuses, builds, writes, and to whom it would send something. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NOTES, SUMS } from '../../release/artifacts'
import { billOfMaterials, findNeeded, readLock, type Lock } from '../../release/sbom'
import { cutSection, findSection, PLACES, versionMistake } from '../../release/versions'
import packageJson from '../../package.json'
import { ROOT } from '../docs/pages'
import { execute } from './commands'
import { describeWith } from './programs'

const { version: current } = packageJson

test.each([
  ['1.0', 'is no version'],
  ['v1.0.0', 'is no version'],
  ['1.0.0-', 'is no version'],
  ['0.9.9', 'is not greater than 1.0.0'],
  ['1.0.0', 'is not greater than 1.0.0'],
  ['1.0.0-rc.1', 'is not greater than 1.0.0'],
])('%s is no version to release after 1.0.0', (version, why) => {
  expect(versionMistake(version, '1.0.0')).toContain(why)
})

test.each(['1.0.1', '1.1.0-rc.1', '10.0.0'])('%s is one', (version) => {
  expect(versionMistake(version, '1.0.0')).toBe(undefined)
})

test('what is unreleased becomes a section, and is found again', () => {
  const changelog =
    '# Changelog\n\n## Unreleased\n\n### Added\n\n- A $& thing.\n\n## 0.9.0 (2026-01-01)\n\n- Old.\n'
  const cut = cutSection(changelog, '1.0.0', '2026-02-02')!
  expect(cut.text).toBe('### Added\n\n- A $& thing.')
  expect(cut.changelog).toBe(
    changelog.replace('## Unreleased\n', '## Unreleased\n\n## 1.0.0 (2026-02-02)\n'),
  )
  expect(findSection(cut.changelog, '1.0.0')).toEqual(cut)
  expect(findSection(cut.changelog, '1.0')).toBe(undefined)
  expect(cutSection(cut.changelog, '1.0.1', '2026-03-03')).toBe(undefined)
})

/** Records of what was measured, and of which version. */
const RECORDS = ['docs/compatibility.md']

test('the version stands where PLACES says, and nowhere else in what is shipped', async () => {
  const pattern = new RegExp(String.raw`(?<![\d.=])${current.replaceAll('.', '\\.')}(?!\.?\d)`)
  const found: string[] = []
  for (const glob of ['{src,kit,plugins,docs,ops,openapi,release}/**/*', '*.{json,md,ts}'])
    for await (const file of new Bun.Glob(glob).scan(ROOT))
      if (!file.endsWith('.png') && pattern.test(await Bun.file(join(ROOT, file)).text()))
        found.push(file)
  const places = PLACES.map(([file]) => file)
  expect(found.filter((file) => !RECORDS.includes(file)).toSorted()).toEqual(places.toSorted())
})

test('needed is what is needed by what is needed, as it is found from there', () => {
  const packages: Lock['packages'] = {
    a: [
      'a@1.0.0',
      '',
      { dependencies: { '@s/b': '1' }, peerDependencies: { p: '1', o: '1' }, optionalPeers: ['o'] },
      '',
    ],
    'a/@s/b': ['@s/b@1.0.0', '', { dependencies: { c: '1' } }, ''],
    'a/c': ['c@1.0.0', '', {}, ''],
    '@s/b': ['@s/b@2.0.0', '', {}, ''],
    c: ['c@2.0.0', '', {}, ''],
    o: ['o@1.0.0', '', {}, ''],
    p: ['p@1.0.0', '', { dependencies: { c: '2', absent: '1' } }, ''],
  }
  expect(findNeeded({ packages }, ['a'])).toEqual(['a', 'a/@s/b', 'a/c', 'c', 'p'])
})

/** Seconds, where nothing else is going on. */
const RUN_MS = 110_000

describeWith(['git', 'npm'], 'a checkout', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-release-'))
  const checkout = join(folder, 'checkout')
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const identity = { NAME: 'Nobody', EMAIL: 'nobody@localhost', DATE: '2026-11-28T12:00:00Z' }
  const whoIs = (role: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(identity).map(([key, value]) => [`GIT_${role}_${key}`, value]),
    )
  const variables = {
    ...whoIs('AUTHOR'),
    ...whoIs('COMMITTER'),
    'npm_config_@example:registry': 'http://127.0.0.1:9/',
    npm_config_cache: join(folder, 'npm'),
  }
  const around = { cwd: checkout, timeoutMs: RUN_MS }
  const git = (...args: string[]): Promise<string> =>
    execute(['git', ...args], { ...around, variables })
  const release = (args: readonly string[], more: Record<string, string> = {}): Promise<string> =>
    execute([process.execPath, 'release/release.ts', ...args, '--target', 'none'], {
      ...around,
      variables: { ...variables, ...more },
    })
  const commit = async (what: string): Promise<void> => {
    await git('add', '--all')
    await git('commit', '--quiet', '--message', what)
  }
  const edit = async (file: string, from: string, to: string): Promise<void> => {
    const text = await Bun.file(join(checkout, file)).text()
    expect(text).toContain(from)
    await Bun.write(
      join(checkout, file),
      text.replace(from, () => to),
    )
  }
  const readOut = (version: string, file: string): Promise<string> =>
    Bun.file(join(checkout, 'dist', version, file)).text()

  beforeAll(async () => {
    const others = /^(?:node_modules|\.git|test|bench|data|dist)(?:\/|$)|\.sqlite/
    const filter = (from: string): boolean => !others.test(from.slice(ROOT.length + 1))
    cpSync(ROOT, checkout, { recursive: true, filter })
    const changelog = join(checkout, 'CHANGELOG.md')
    await Bun.write(changelog, '# Changelog\n\n## Unreleased\n\n### Added\n\n- Everything.\n')
    await git('init', '--quiet')
    await commit('first')
  })

  const refusals: readonly (readonly [readonly string[], string])[] = [
    [[], 'usage: bun run release VERSION'],
    [['1.0.0', '2.0.0'], 'usage: bun run release VERSION'],
    [['1.0.0', '--target', 'bun-linux-x46'], 'there is no target bun-linux-x46: bun-linux-x64'],
    [['--help'], 'usage: bun run release VERSION'],
    [['1.0.0-01'], '1.0.0-01 is no version like 1.2.3 or 1.2.3-rc.1'],
    [['0.0.1'], `0.0.1 is not greater than ${current}`],
    [['1.0.0', '--publish'], 'the name carillon on the registry is not ours'],
    [['1.0.0', '--write'], 'no note of this commit says that its tests passed'],
  ]
  test.each(refusals)('refuses %j, in a line', async (args, line) => {
    await expect(release(args)).rejects.toThrow(`release: ${line}`)
    expect(await git('status', '--porcelain')).toBe('')
  })

  test('refuses a checkout with changes, and says what else is wrong', async () => {
    await Bun.write(join(checkout, 'left.txt'), 'over')
    const refused = release([current])
    await expect(refused).rejects.toThrow(
      /is not greater than [^]*commit or remove first: .*left\.txt/,
    )
    rmSync(join(checkout, 'left.txt'))
  })

  test('builds in a copy, and changes and sends nothing', async () => {
    await edit('package.json', '"name": ""', '"name": "@example/carillon"')
    await commit('a name of ours')
    const said = await release(['1.0.0', '--write', '--publish', '--dry-run'])
    expect(said).toContain('--publish would publish carillon-1.0.0.tgz as @example/carillon@1.0.0')
    expect(said).toContain(`--write would write ${PLACES.map(([file]) => file).join(', ')}`)
    expect(said).toContain('not built  bun-linux-x64: none was asked for')
    expect(said).toContain('no note of this commit says that its tests passed')
    expect(await git('status', '--porcelain')).toBe('')
    expect(readdirSync(join(checkout, 'dist/1.0.0')).toSorted()).toEqual(
      [NOTES, SUMS, 'carillon-1.0.0.cdx.json', 'carillon-1.0.0.tgz'].toSorted(),
    )
    await execute(['sha256sum', '--check', SUMS], { ...around, cwd: join(checkout, 'dist/1.0.0') })
    const notes = await readOut('1.0.0', NOTES)
    expect(notes).toStartWith('# Carillon 1.0.0 (2026-11-28)\n')
    expect(notes).toContain('- Everything.')
    expect(notes).toContain(await readOut('1.0.0', SUMS))
  })

  test('what it has packed has the version everywhere', async () => {
    const packed = mkdtempSync(join(folder, 'packed-'))
    await execute(['tar', 'xzf', join(checkout, 'dist/1.0.0/carillon-1.0.0.tgz')], {
      ...around,
      cwd: packed,
    })
    const modes = readdirSync(packed, { recursive: true }).map((file) =>
      (statSync(join(packed, String(file))).mode & 0o777).toString(8),
    )
    expect([...new Set(modes)].toSorted()).toEqual(['644', '755'])
    const read = (file: string): Promise<string> => Bun.file(join(packed, 'package', file)).text()
    expect(JSON.parse(await read('package.json'))).toMatchObject({
      version: '1.0.0',
      private: true,
    })
    expect(await read('CHANGELOG.md')).toContain('## 1.0.0 (2026-11-28)\n')
    expect(await read('plugins/README.md')).toContain('carillon-1.0.0.tgz')
    expect(await read('src/http/openapi-text.ts')).toContain("version: '1.0.0'")
  })

  test('writes version and changelog, and builds the same from the same commit', async () => {
    const before = await readOut('1.0.0', SUMS)
    await expect(release(['1.0.0', '--publish'])).rejects.toThrow('1.0.0 is not committed')
    await git('notes', '--ref=tests', 'add', '-m', '5120 passed, 0 failed')
    const mask = process.umask(0o077)
    const said = await release(['1.0.0', '--write']).finally(() => process.umask(mask))
    expect(said).toContain('written: commit it as "release: 1.0.0"')
    expect(await readOut('1.0.0', SUMS)).toBe(before)
    const changed = (await git('status', '--porcelain')).trim().split('\n')
    expect(changed.map((line) => line.trim().slice(2)).toSorted()).toEqual(
      [...PLACES.map(([file]) => file), 'CHANGELOG.md'].toSorted(),
    )
    await commit('release: 1.0.0')
    await expect(release(['1.0.1'])).rejects.toThrow('CHANGELOG.md has nothing under Unreleased')
  })

  test('publishes under a name that is ours what was tested, which is still the same', async () => {
    const before = await readOut('1.0.0', SUMS)
    for (const [words, ...force] of [['5120 passed, 1 failed'], ['0 passed, 0 failed', '-f']]) {
      await expect(release(['1.0.0', '--publish'])).rejects.toThrow('no note of this commit')
      await git('notes', '--ref=tests', 'add', ...force, '-m', words!)
    }
    await expect(release(['1.0.0', '--publish'])).rejects.toThrow('no note of this commit')
    await git('notes', '--ref=tests', 'add', '-f', '-m', '5120 passed, 0 failed')
    const sent: { path: string; body: unknown }[] = []
    using registry = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: async (request) => {
        const path = decodeURIComponent(new URL(request.url).pathname)
        if (request.method !== 'PUT') return Response.json({}, { status: 404 })
        sent.push({ path, body: await request.json() })
        return Response.json({ ok: true }, { status: 201 })
      },
    })
    const said = await release(['1.0.0', '--publish'], {
      'npm_config_@example:registry': registry.url.href,
      [`npm_config_//${registry.url.host}/:_authToken`]: 'of-this-test',
    })
    expect(said).toContain('Version and changelog are written.')
    expect(said).toContain('published @example/carillon@1.0.0')
    expect(await readOut('1.0.0', SUMS)).toBe(before)
    expect(sent.map(({ path }) => path)).toEqual(['/@example/carillon'])
    expect(sent[0]!.body).toMatchObject({
      name: '@example/carillon',
      versions: { '1.0.0': { bin: { carillon: expect.any(String) } } },
    })
  })
})

test('the bill of materials has the fields that CycloneDX wants, and all that is installed', async () => {
  const bill = await billOfMaterials(ROOT, '2026-11-28')
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 })
  expect(bill.metadata.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const refs = bill.components.map((component) => component['bom-ref'])
  expect(new Set(refs).size).toBe(refs.length)
  for (const { type, name, version, purl, licenses, hashes } of bill.components) {
    const found = { type, name, hasVersion: version !== '', purl, licences: licenses?.length }
    expect(found).toMatchObject({ type: 'library', hasVersion: true, licences: 1 })
    expect(purl).toMatch(/^pkg:npm\/(?:%40[\w.-]+\/)?[\w.-]+@[\w.%-]+$/)
    expect(hashes).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[\da-f]{128}$/) }])
  }
  const all = [bill.metadata.component['bom-ref'], ...refs]
  expect(bill.dependencies.map(({ ref }) => ref).toSorted()).toEqual(all.toSorted())
  for (const { dependsOn } of bill.dependencies)
    expect(dependsOn.filter((ref) => !refs.includes(ref))).toEqual([])

  const folder = mkdtempSync(join(tmpdir(), 'carillon-production-'))
  for (const file of ['package.json', 'bun.lock', 'bunfig.toml'])
    cpSync(join(ROOT, file), join(folder, file))
  const command = [process.execPath, 'install', '--frozen-lockfile', '--production'] as const
  await execute(command, { cwd: folder, timeoutMs: RUN_MS })
  const installed: string[] = []
  for await (const file of new Bun.Glob('**/node_modules/{*,@*/*}/package.json').scan(folder)) {
    const { name, version } = (await Bun.file(join(folder, file)).json()) as Record<string, string>
    installed.push(`${name}@${version}`)
  }
  const listed = bill.components.map(({ name, version }) => `${name}@${version}`)
  expect(installed.filter((id) => !listed.includes(id))).toEqual([])
  const lock = await readLock(ROOT)
  expect(listed.length).toBe(findNeeded(lock, Object.keys(packageJson.dependencies)).length)
  rmSync(folder, { recursive: true })
})
