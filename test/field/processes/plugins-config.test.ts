/** `carillon.config.ts` in a folder of its own: typed, importing `carillon/plugin` and packages, compiled or not. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RawClient } from '../../harness'
import { Program } from '../../program'

const ROOT = join(import.meta.dir, '../../..')
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** A plugin of its own, and one from a package. */
const FILES = {
  'carillon.config.ts': `
    import { defineConfig, definePlugin, reject } from 'carillon/plugin'
    import { lobbyOnly } from 'some-plugin'
    const polite = definePlugin({
      name: 'polite',
      carillon: 1,
      setup: () => ({ subscribe: (_, { channel }) => (channel === 'rude' ? reject('please') : undefined) }),
    })
    export default defineConfig({ plugins: [polite, lobbyOnly()] })`,
  'node_modules/some-plugin/package.json':
    '{ "name": "some-plugin", "version": "1.0.0", "type": "module", "main": "index.js" }',
  'node_modules/some-plugin/index.js': `
    import { definePlugin, reject } from 'carillon/plugin'
    export const lobbyOnly = () => definePlugin({
      name: 'lobby-only',
      carillon: 1,
      setup: () => ({ subscribe: (_, { channel }) => (channel === 'lobby' ? undefined : reject('lobby only')) }),
    })`,
}

async function refusals(program: Program): Promise<string[]> {
  const url = `ws://127.0.0.1:${await program.waitUntilListening()}/app/test-app-fake-key`
  await using client = new RawClient(url)
  await client.hello()
  await client.subscribed('lobby')
  const received: string[] = []
  for (const channel of ['rude', 'hall']) {
    client.subscribe(channel)
    const { data } = await client.nextJson()
    received.push((data as { error: string }).error)
    await client.next('the error')
  }
  return received
}

describe('a configuration far from the sources', () => {
  test('is found through CARILLON_CONFIG, with plugins of its own and of packages', async () => {
    const file = join(folderWith(FILES), 'carillon.config.ts')
    await using program = new Program({ CARILLON_CONFIG: file })
    expect(await refusals(program)).toEqual(['please', 'lobby only'])
    program.process.kill('SIGKILL')
    expect(await program.output).toContain('plugins     polite, lobby-only')
  })

  test('is found beside a compiled binary', async () => {
    const folder = folderWith(FILES)
    const binary = join(folder, 'carillon')
    const build = Bun.spawn(
      [process.execPath, 'build', '--compile', join(ROOT, 'src/index.ts'), '--outfile', binary],
      { cwd: folder, stdout: 'ignore', stderr: 'pipe' },
    )
    expect([await build.exited, await new Response(build.stderr).text()]).toEqual([0, ''])
    await using program = new Program({}, { command: [binary], cwd: folder })
    expect(await refusals(program)).toEqual(['please', 'lobby only'])
    const port = await program.waitUntilListening()
    const page = await fetch(`http://127.0.0.1:${port}/swagger`)
    const [, script = ''] = /src="([^"]+)"/.exec(await page.text()) ?? []
    expect((await fetch(new URL(script, page.url))).status).toBe(200)
  })
})

describe('a plugin', () => {
  const config = (body: string) => ({
    'carillon.config.ts': `
      import { defineConfig, definePlugin } from 'carillon/plugin'
      export default defineConfig({ plugins: [definePlugin({ name: 'own', carillon: 1, setup: () => (${body}) })] })`,
  })

  test('that is slow to start is stopped when the server is told to leave meanwhile', async () => {
    const hooks = `{
      start() { console.log('starting'); return new Promise(() => {}) },
      stop() { console.log('stopped') },
    }`
    const file = join(folderWith(config(hooks)), 'carillon.config.ts')
    await using program = new Program({ CARILLON_CONFIG: file })
    await program.waitForText('starting')
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    expect(await program.output).toBe('starting\nstopped\n')
    expect(await program.errors).toContain('"msg":"left"')
  })

  test('that forgets promises ends nobody’s connection, nor the start', async () => {
    const hooks = `{
      start() { void Promise.reject(new Error('forgotten at the start')) },
      subscribed() { void Promise.reject(new Error('forgotten later')) },
    }`
    const file = join(folderWith(config(hooks)), 'carillon.config.ts')
    await using program = new Program({ CARILLON_CONFIG: file })
    const port = await program.waitUntilListening()
    await using client = new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`)
    await client.hello()
    await client.subscribed('room')
    await client.expectNothing()
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    const errors = await program.errors
    for (const text of ['forgotten at the start', 'forgotten later', '"msg":"uncaught fault"'])
      expect(errors).toContain(text)
  })
})

describe('its types', () => {
  const TYPED: readonly (readonly [name: string, setup: string, says: string | undefined])[] = [
    [
      'hooks with locals, gates that wait',
      `locals: () => ({ n: 0 }), setup: ({ log }) => ({
        async connect({ locals }, { headers }) { locals.n++; log.info({ n: headers.get('n') }, 'n'); log.info('no fields') },
        authorize: (conn, { channel }) => (channel === 'private-a' ? allow() : reject('no')),
        clientEvent(_, { event }) { if (event === 'x') return replace(1) },
        disconnected: ({ locals }) => { locals.n-- } })`,
      undefined,
    ],
    [
      'a misspelt hook',
      'setup: () => ({ conect: () => undefined })',
      "is not assignable to type 'never'",
    ],
    [
      'a hot hook that waits',
      'setup: () => ({ frame: async () => undefined })',
      "'Promise<undefined>'",
    ],
    [
      'a gate that allows what it may not',
      'setup: () => ({ signin: () => allow() })',
      "Type 'Allow'",
    ],
    ['a gate that replaces', 'setup: () => ({ frame: () => replace(1) })', "Type 'Replace'"],
    ['another version', 'carillon: 2, setup: () => ({})', "Type '2' is not assignable to type '1'"],
    [
      'locals that do not exist',
      'locals: () => ({ n: 0 }), setup: () => ({ connected: ({ locals }) => { locals.m } })',
      "Property 'm' does not exist",
    ],
  ]
  test.each(TYPED)('%s', async (_, plugin, says) => {
    const folder = folderWith({
      'tsconfig.json':
        '{"compilerOptions":{"strict":true,"module":"Preserve","moduleResolution":"bundler","target":"ESNext","noEmit":true,"skipLibCheck":true,"exactOptionalPropertyTypes":true},"include":["*.ts"]}',
      'carillon.config.ts': `
        import { allow, defineConfig, definePlugin, reject, replace } from 'carillon/plugin'
        const words = [allow, reject, replace]
        const plugin = definePlugin({ name: 'a', ${plugin.includes('carillon:') ? '' : 'carillon: 1, '}${plugin} })
        export default defineConfig({ plugins: [plugin], apps: [] })
        console.log(words)`,
    })
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/carillon'))
    const check = Bun.spawn([process.execPath, 'check'], {
      cwd: folder,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const text =
      (await new Response(check.stdout).text()) + (await new Response(check.stderr).text())
    if (says === undefined) expect([await check.exited, text]).toEqual([0, expect.any(String)])
    else expect([await check.exited, text]).toEqual([1, expect.stringContaining(says)])
  })
})

test.each([
  ['carillon/plugin', ''],
  ['carillon/plugin-kit', ''],
  ['carillon/plugins/rate-limit', ''],
  ['carillon', "could not be loaded: 'carillon' serves inside of other programs"],
])('no registry is asked for %s, where nothing is installed', async (name, mistake) => {
  const asked: string[] = []
  await using registry = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      asked.push(url)
      return new Response('{}', { status: 404 })
    },
  })
  const folder = folderWith({ 'carillon.config.ts': `import '${name}'; export default {}` })
  const env = {
    BUN_CONFIG_REGISTRY: registry.url.href,
    BUN_INSTALL_CACHE_DIR: join(folder, 'cache'),
  }
  const command = [process.execPath, join(ROOT, 'src/index.ts')]
  await using program = new Program(env, { command, cwd: folder })
  if (mistake === '') await program.waitUntilListening()
  else expect(await program.errors).toContain(mistake)
  expect(asked).toEqual([])
})
