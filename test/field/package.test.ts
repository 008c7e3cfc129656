/**
 * The project as a package: packed, installed into an empty folder from a registry that has all of its
 * dependencies and no `carillon`, type-checked as its users do, and served with plugins that are packages, too.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { blocksOf, readPage, ROOT } from '../docs/pages'
import { Program } from '../program'
import { ENVIRONMENT, execute, INSTALL_MS } from './commands'
import { pack, packProject } from './package/pack'
import { Registry } from './package/registry'
import { describeWith } from './programs'

const INCLUDED = ['rate-limit', 'origin-check', 'guardian'] as const
const EXAMPLES = ['monthly-quota', 'remote-authorizer', 'roll-call'] as const

/** The package grows with its pages and documents; past it somebody looks at what has come in. */
const MAX_PACKED_BYTES = 1.5 * 2 ** 20

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
const app = join(folder, 'app')
let registry: Registry
let server: string
let packages: readonly string[]

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

beforeAll(async () => {
  registry = await Registry.open()
  packages = await Promise.all(
    EXAMPLES.map((name) => pack(join(ROOT, 'plugins/examples', name), folder)),
  )
  mkdirSync(app)
  server = await packProject(folder)
  await write('package.json', '{ "type": "module" }')
  const others = ['@types/bun', 'pusher', 'pusher-js@8.6.0'] as const
  await run(app, process.execPath, 'add', server, ...packages, ...others)
  await Promise.all(Object.entries(await findSources()).map(([name, text]) => write(name, text)))
}, INSTALL_MS)

const write = (name: string, text: string): Promise<number> => Bun.write(join(app, name), text)

/** Runs a command that installs from the registry, and keeps what it gets in the test's own folder. */
function run(cwd: string, ...command: readonly [string, ...string[]]): Promise<string> {
  const variables = {
    BUN_CONFIG_REGISTRY: registry.url,
    BUN_INSTALL_CACHE_DIR: join(folder, 'cache'),
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, 'npm-cache'),
  }
  return execute(command, { cwd, timeoutMs: INSTALL_MS, variables })
}

/** What somebody writes who uses the package: the examples of the guide, a configuration, tests of the plugins. */
async function findSources(): Promise<Readonly<Record<string, string>>> {
  const blocks = blocksOf(await readPage('plugins/README.md')).map(({ code }) => code)
  const find = (mark: string): string => blocks.find((code) => code.includes(mark))!
  const tests = EXAMPLES.map(async (name) => {
    const text = await readPage(`plugins/examples/${name}/${name}.test.ts`)
    return [`${name}.test.ts`, text.replace(`'./${name}'`, `'@example/${name}'`)] as const
  })
  return {
    ...Object.fromEntries(await Promise.all(tests)),
    ...(await findEmbedding()),
    'every-hook.ts': find('export const everyHook'),
    'members.ts': find('export const members'),
    'quota.ts': find('export const quota'),
    'client.ts': `
      import * as resume from 'carillon/resume'
      console.log(resume)`,
    'carillon.config.ts': `
      import { defineConfig, definePlugin, t } from 'carillon/plugin'
      import { guardian } from 'carillon/plugins/guardian'
      import { originCheck } from 'carillon/plugins/origin-check'
      import { rateLimit } from 'carillon/plugins/rate-limit'
      import { monthlyQuota } from '@example/monthly-quota'
      import { remoteAuthorizer } from '@example/remote-authorizer'
      import { rollCall } from '@example/roll-call'

      const echo = definePlugin({
        name: 'echo',
        carillon: 1,
        setup: ({ routes, log }) => {
          log.info('set up')
          const params = t.Object({ number: t.Number() })
          routes.get('/:number', ({ params: { number } }) => number.toFixed(1), { params })
          return {}
        },
      })
      const url = 'http://127.0.0.1:1/'
      const own = [monthlyQuota({ triggersPerMonth: 9 }), remoteAuthorizer({ url }), rollCall(), echo]
      const plugins = [...own, rateLimit(), originCheck(), guardian()]
      export default defineConfig({ plugins })`,
  }
}

/** The test files that docs/embedding.md shows, by the name that stands before each. */
async function findEmbedding(): Promise<Readonly<Record<string, string>>> {
  const shown = (await readPage('docs/embedding.md')).matchAll(
    /^`([\w.]+)`:\n\n```ts\n([^]*?)^```$/gm,
  )
  return Object.fromEntries(Array.from(shown, ([, name, code]) => [name!, code!]))
}

/** Files with type errors, in the words of `tsc`. */
async function findTypeErrors(module: string, moduleResolution: string) {
  const strictness = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false, // what is fine with them checked is fine without
  }
  const around = { module, moduleResolution, target: 'ESNext', types: ['bun'], noEmit: true }
  const compilerOptions = { ...around, ...strictness }
  await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  // Several threads take twice the CPU time.
  const flags = ['--pretty', 'false', '--listFiles', '--singleThreaded']
  const child = Bun.spawn([process.execPath, tsc, ...flags], { cwd: app, env: ENVIRONMENT })
  const output = await new Response(child.stdout).text()
  await child.exited
  expect(output).toContain('node_modules/carillon/declarations/src/plugin.d.ts\n')
  expect(output).toContain('node_modules/carillon/declarations/src/embed.d.ts\n')
  expect(output).toContain('node_modules/carillon/declarations/kit/plugin-kit.d.ts\n')
  expect(output).not.toMatch(/node_modules\/carillon\/.*(?<!\.d)\.ts$/m)
  return Array.from(output.matchAll(/^(\S+)\(\d+,\d+\): error (.*)/gm), ([, file = '', what]) => ({
    file,
    what,
  }))
}

test.each([
  ['Preserve', 'bundler'],
  ['NodeNext', 'NodeNext'],
])('its types hold for module %s and moduleResolution %s', async (module, resolution) => {
  const errors = await findTypeErrors(module, resolution)
  // The framework's own declarations do not pass; once they do, this line can go, and the guide's with it.
  const ours = errors.filter(({ file }) => !file.startsWith('node_modules/elysia/'))
  // With NodeNext the default export of pusher-js is its module: that is how its declarations are.
  const isForeign = ({ file, what }: (typeof errors)[number]): boolean =>
    resolution === 'NodeNext' && file === 'news.test.ts' && what?.startsWith('TS2351') === true
  expect(ours.filter((error) => !isForeign(error))).toEqual([])
})

test.each(EXAMPLES)('the tests of %s pass in a folder of its own', async (name) => {
  const own = join(folder, name)
  cpSync(join(ROOT, 'plugins/examples', name), own, { recursive: true })
  await run(own, process.execPath, 'add', '-d', server)
  await run(own, process.execPath, 'test', '--timeout', '60000')
})

test('it serves with plugins that are packages', async () => {
  await using program = new Program(
    {},
    { command: [process.execPath, 'node_modules/carillon/src/index.ts'], cwd: app },
  )
  const url = `http://127.0.0.1:${await program.waitUntilListening()}`
  const headers = { authorization: `Basic ${btoa('pusher_admin_username:pusher_admin_password')}` }
  const answer = await (await fetch(`${url}/api/admin/plugins`, { headers })).json()
  const { data } = answer as { data: readonly { name: string }[] }
  expect(data.map(({ name }) => name)).toEqual([...EXAMPLES, 'echo', ...INCLUDED])
  expect(await (await fetch(`${url}/plugins/echo/7`)).text()).toBe('7.0')
  expect((await fetch(`${url}/plugins/echo/seven`)).status).toBe(400)
  const listed = await run(app, 'node_modules/.bin/carillon', 'apps', 'list', '--url', url)
  expect(listed).toBe('1\ttest-app\tTest App\ttest-app-fake-key\tactive\n')
})

test('the tests that docs/embedding.md shows pass', async () => {
  const files = Object.keys(await findEmbedding())
  expect(files).toEqual(['orders.test.ts', 'news.test.ts', 'shop.test.ts'])
  await run(app, process.execPath, 'test', ...files)
})

describeWith('npm', 'in the folder of the package', () => {
  test('npx and bun x find the command that is installed', async () => {
    const asked = ['--no-install', 'carillon', '--version'] as const
    expect(await run(app, 'npx', ...asked)).toBe(`${version}\n`)
    expect(await run(app, process.execPath, 'x', ...asked)).toBe(`${version}\n`)
  })

  test('Node.js is told that it takes Bun', async () => {
    const code = "import('carillon').then(({ serve }) => serve()).catch(console.log)"
    const said = await run(app, 'node', '--input-type=module', '-e', code)
    expect(said).toContain('carillon runs on Bun, and this is Node.js v')
    expect(said).toContain('node_modules/carillon/src/index.ts')
  })
})

test('its size is that of a server with its pages', () => {
  const packed = Bun.file(server).size
  expect(packed).toBeLessThan(MAX_PACKED_BYTES)
  expect(packed).toBeGreaterThan(MAX_PACKED_BYTES / 4)
})

test('nothing asked the registry for a package of that name', () => {
  expect(registry.asked).toContain('elysia')
  expect(registry.asked).not.toContain('carillon')
})

/** Installs packages into a folder that is empty, and returns those that are there afterwards. */
async function install(name: string, ...command: readonly [string, ...string[]]) {
  const alone = join(folder, name)
  mkdirSync(alone)
  await Bun.write(join(alone, 'package.json'), '{}')
  await run(alone, ...command)
  return readdirSync(join(alone, 'node_modules')).filter((entry) => !entry.startsWith('.'))
}

test('a plugin is installed without the server, which Bun asks nobody for', async () => {
  expect(await install('bun', process.execPath, 'add', ...packages)).toEqual(['@example'])
  expect(registry.asked).not.toContain('carillon')
})

const linesOf = (text: string, form: RegExp): string[] =>
  Array.from(text.matchAll(form), ([, file]) => file!).toSorted()

describeWith('npm', 'with npm', () => {
  test('what is packed is what Bun packs', async () => {
    const dry = ['pack', '--dry-run', '--ignore-scripts'] as const
    const ours = linesOf(await run(ROOT, process.execPath, 'pm', ...dry), /^packed +\S+ +(\S+)$/gm)
    const theirs = linesOf(await run(ROOT, 'npm', ...dry, '--json'), /"path": "([^"]+)"/g)
    expect(ours.length).toBeGreaterThan(400)
    expect(theirs).toEqual(ours)
  })

  test('a plugin is installed without the server', async () => {
    const command = ['npm', 'install', '--no-audit', '--no-fund', ...packages] as const
    expect(await install('npm', ...command)).toEqual(['@example'])
    expect(registry.fetched).not.toContain('carillon')
  })
})
