/** Imports point inward, types too: `layers.ts` lists who may import whom. */
import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { join } from 'node:path'
import { findCircles, readImports, findImports } from './imports'
import { LAYERS } from './layers'

const ROOT = join(import.meta.dir, '..')

/** What the server does; a verb imports nouns and no other verb. */
const VERBS = `connect signin subscribe renew client-event publish disconnect
  sweep drain app-changes`.split(/\s+/)

const within = (target: string, allowed: string): boolean =>
  target === allowed || target.startsWith(`${allowed}/`)

test('every file of src has a layer and imports only what it may', async () => {
  const files = await readImports('src')
  expect(files.length).toBeGreaterThan(30)
  for (const { file, targets } of files) {
    const allowed = LAYERS[file] ?? LAYERS[file.split('/')[0]!]
    if (!allowed) throw new Error(`src/${file} has no layer`)
    const strangers = targets.filter((target) => !allowed.some((name) => within(target, name)))
    expect({ file, strangers }).toEqual({ file, strangers: [] })
  }
})

test('no file of src imports itself by way of others', async () => {
  expect(findCircles(await readImports('src'))).toEqual([])
})

test.each([
  "import { b } from './b'",
  "import type { B } from './b'",
  "import {\n  a,\n  type B,\n} from './b'",
  "export { b } from './b'",
  "export type { B } from './b'",
  "export * from './b'",
  "import './b'",
  "const b = await import('./b')",
  "type B = import('./b').B",
  "const b = require('../core/b')",
])('%j is an import that can close a circle', (text) => {
  const files = ['core/a.ts', 'core/b.ts', 'core/c.ts', 'core/outside.ts']
  const texts = [
    text,
    "import { c } from './c'",
    "import { a } from './a'",
    "import { a } from './a'",
  ]
  const planted = files.map((file, index) => ({ file, targets: findImports(file, texts[index]!) }))
  expect(findCircles(planted)).toEqual(['core/a', 'core/b', 'core/c'])
  expect(findCircles(planted.slice(1))).toEqual([])
})

test('verbs do not import verbs, and nouns do not import verbs', async () => {
  const files = await readImports('src/core')
  for (const { file, targets } of files) {
    const verbs = targets.filter((target) => VERBS.includes(target.replace('core/', '')))
    expect({ file, verbs }).toEqual({ file, verbs: [] })
  }
  const names = files.map(({ file }) => file.replace('.ts', ''))
  expect(VERBS.filter((verb) => !names.includes(verb))).toEqual([])
})

test('core knows no wire: no JSON but in json.ts, no close code, no framework', async () => {
  for await (const file of new Glob('*.ts').scan(join(ROOT, 'src/core'))) {
    const code = (await Bun.file(join(ROOT, 'src/core', file)).text()).replace(
      /\/\*[^]*?\*\/|\/\/.*/g,
      '',
    )
    if (file !== 'json.ts')
      expect({ file, json: /\bJSON\./.test(code) }).toEqual({ file, json: false })
    expect({ file, code: code.match(/\b4[0-3]\d\d\b/g) }).toEqual({ file, code: null })
    expect({ file, framework: /elysia|bun:sqlite|typebox/.test(code) }).toEqual({
      file,
      framework: false,
    })
  }
})

/** Wires and dialects. A topic in core is the runtime's own, besides what public names say. */
const FOREIGN_WORDS = /phoenix|pusher:|pushex|expusher|scope|\bepl/i

test('core knows no wire and no dialect by name', async () => {
  for await (const file of new Glob('*.ts').scan(join(ROOT, 'src/core'))) {
    const text = await Bun.file(join(ROOT, 'src/core', file)).text()
    expect({ file, words: text.match(FOREIGN_WORDS) }).toEqual({ file, words: null })
  }
})

test('plugins import carillon/plugin and nothing else of ours', async () => {
  const files = await readImports('plugins')
  for (const { file, targets } of files) {
    const strangers = targets.filter((target) => !target.startsWith('../plugins/'))
    expect({ file, strangers }).toEqual({ file, strangers: [] })
  }
})

test('the kit imports no part of the server that has no place in a test of a plugin', async () => {
  const allowed = ['kit', 'src/config', 'src/core', 'src/plugin', 'src/plugin-checks', 'src/server']
  for (const { file, targets } of await readImports('kit')) {
    const strangers = targets.filter(
      (target) => !allowed.some((name) => within(target, `../${name}`)),
    )
    expect({ file, strangers }).toEqual({ file, strangers: [] })
  }
})

test('src/README.md has a line for every file of src', async () => {
  const text = await Bun.file(join(ROOT, 'src/README.md')).text()
  const missing = (await readImports('src'))
    .map(({ file }) => file)
    .filter((file) => !text.includes(`\`${file}\``))
  expect(missing).toEqual([])
})

test('src/README.md names no file that is not there', async () => {
  const text = await Bun.file(join(ROOT, 'src/README.md')).text()
  const named = Array.from(text.matchAll(/`([\w/-]+\.ts)`/g), ([, file]) => file!)
  const found = await Promise.all(
    named.map(async (file) => {
      const places = [Bun.file(join(ROOT, 'src', file)), Bun.file(join(ROOT, file))]
      return (await Promise.all(places.map((place) => place.exists()))).includes(true)
    }),
  )
  expect(named.filter((_, index) => !found[index])).toEqual([])
})

test('what the ten questions of src/README.md ask for is where they say', async () => {
  const text = await Bun.file(join(ROOT, 'src/README.md')).text()
  const [, section = ''] = text.split('## Ten questions')
  const rows = Array.from(section.matchAll(/\| `([\w/-]+\.ts)` +\| `([^`]+)` +\|/g)).slice(0, 10)
  expect(rows.length).toBe(10)
  for (const [, file, answer] of rows) {
    const code = await Bun.file(join(ROOT, 'src', file!)).text()
    expect({ file, answer, isThere: code.includes(answer!) }).toEqual({
      file,
      answer,
      isThere: true,
    })
  }
})

const MAX_LINES = { src: 400, kit: 300, plugins: 300, test: 300 }

test.each(Object.entries(MAX_LINES))(
  'no file of %s is longer than %d lines',
  async (folder, max) => {
    for await (const file of new Glob('**/*.{ts,tsx}').scan(join(ROOT, folder))) {
      const path = `${folder}/${file}`
      const lines = (await Bun.file(join(ROOT, path)).text()).split('\n').length
      expect({ path, long: lines > max + 1 }).toEqual({ path, long: false })
    }
  },
)

/** Why a file of src has fewer than 40 lines and does not stand with whoever needs it. */
const SMALL: Readonly<Record<string, string>> = {
  'apps/resource.ts': 'the API and the command line show apps by it',
  'http/outdated-clients.ts': 'a table of its own: rows come with time',
  'new-pages.ts': 'server.ts would exceed 400 lines',
  'http/metrics-of-workers.ts': 'metrics.ts is about one process',
  'core/connection-view.ts': 'the engine names it, and what makes it needs the core',
  'core/usage.ts': 'the hub and the rates note in it, and the cluster reads it',
  'start.ts': 'a parent of workers loads no more',
  'workers/messages.ts': 'both sides say them',
  'config/cores.ts': 'the setting and the announcement ask it',
  'new-upkeep.ts': 'server.ts would exceed 400 lines',
  'pages/console/overview/sparkline.tsx': 'drawn in rows, without what plots need',
  'libc.ts': 'each of three files calls functions of its own',
  'clock.ts': 'the real one; tests bring another',
  'cli/commands.ts': 'a table',
  'cli/exits.ts': 'a table',
  'cluster/records/scripts.ts': 'a table',
  'cli/findings.ts': 'every check of the doctor makes some',
  'cli/import/pusher.ts': 'a table, as each server has one',
  'cli/progress-bar.ts': 'a thing of its own',
  'client/resume.d.ts': 'types of a file that is sent as it is',
  'config/embedded.ts': 'a place that a build fills',
  'config/kubernetes.ts': 'aliases and notes ask it',
  'core/app-changes.ts': 'a verb',
  'core/maybe-promise.ts': 'what everybody may have to wait for',
  'core/counters.ts': 'a table',
  'core/disconnect.ts': 'a verb',
  'core/dismiss.ts': 'a verb',
  'core/facts.ts': 'a noun that everybody emits to',
  'core/published-credentials.ts': 'credentials, auth and signatures ask it',
  'core/slow-reader.ts': 'sockets and queues ask it',
  'core/unauthorized.ts': 'a noun of its own: connect, sign-in and the sweep use it',
  'core/read-queue.ts': 'a noun of its own: the session asks it',
  'core/shared.ts': 'every engine calls it, and nodes',
  'core/watchlist.ts': 'verbs share it, and import no verb',
  'dialects/codecs.ts': 'a table',
  'dialects/dialects.ts': 'a table',
  'dialects/pushex/mount.ts': 'a row of a table, as each dialect has one',
  'http/prom-client.d.ts': 'types of a part of a package',
  'pages/console/css.d.ts': 'what the compiler cannot know',
  'pages/console/connect/snippets.ts': 'a table',
  'pages/console/admin/agent.ts': 'a table',
  'pages/console/admin/scope.tsx': 'lists of tokens, sessions and changes show it',
  'pages/console/main.tsx': 'what the page begins with',
  'cluster/link/link-events.ts': 'links and their masters share them',
  'cli/doctor-redis.ts': 'as each subject of the doctor has one',
  'cluster/link/tls-files.ts': 'files, as no other part of a link',
  'config/pem-file.ts': 'both sides of TLS need it',
  'cluster/link/absence.ts': 'both kinds of links have it',
  'cluster/link/refusing.ts': 'beats find it out, and own enough',
  'cluster/link/slots.ts': 'arithmetic of Redis',
  'cluster/scripts/lua.d.ts': 'what the compiler cannot know',
  'cluster/scripts.ts': 'a table',
  'cluster/names.ts': 'what every script and every message names',
  'store/outbox-streams.ts': 'a table of the outbox, as each has a file',
  'new-engine.ts': 'the server need not know what an engine is made of',
  'cluster/link/script.ts': 'every file that runs one makes it by this',
  'core/twin.ts': 'core needs it of the rim',
  'takeover/claim.ts': 'ways to a database, of which the takeover is one',
  'takeover/manager.ts': 'starts and takeovers tell it',
  'takeover/spawn.ts': 'what a signal does',
  'pages/console/pages.ts': 'a table',
  'pages/console/people/links.ts': 'addresses alone',
  'pages/console/place.ts': 'requests and pages ask it',
  'pages/console/ui/ui.ts': 'all that pages are made of',
  'process-numbers.ts': 'what the system knows, read for metrics',
  'protocols/event-names.ts': 'HTTP and dialects ask it, too',
  'protocols/phoenix-topics.ts': 'mounts and routes of dialects ask it',
}

test('a file of src that is shorter than 40 lines has a reason', async () => {
  const files = await Array.fromAsync(new Glob('**/*.{ts,tsx}').scan(join(ROOT, 'src')))
  const texts = await Promise.all(files.map((file) => Bun.file(join(ROOT, 'src', file)).text()))
  const small = files.filter((_, index) => texts[index]!.split('\n').length < 41)
  expect(small.filter((file) => !(file in SMALL))).toEqual([])
  expect(Object.keys(SMALL).filter((file) => !files.includes(file))).toEqual([])
})

test('nothing in src knows the name of a plugin', async () => {
  const names = (
    await Array.fromAsync(new Glob('*').scan({ cwd: join(ROOT, 'plugins'), onlyFiles: false }))
  )
    .map((entry) => entry.replace('.ts', ''))
    .filter((name) => !['README.md', 'examples', 'template', 'usual.json'].includes(name))
  expect(names.length).toBeGreaterThan(2)
  for await (const file of new Glob('**/*.{ts,html}').scan(join(ROOT, 'src'))) {
    const text = await Bun.file(join(ROOT, 'src', file)).text()
    expect({ file, named: names.filter((name) => text.includes(name)) }).toEqual({
      file,
      named: [],
    })
  }
})
