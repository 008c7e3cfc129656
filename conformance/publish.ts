/**
 * `bun conformance/publish.ts [SOKETI]`: drives this server and soketi, which npm has installed in the folder
 * SOKETI (`.peers/soketi`; bench/README.md says how), and writes what they do into docs/compatibility.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { formatCards, replaceCards, type Card } from './cards'
import { listServers, startServer, type Server } from './servers'

const ROOT = join(import.meta.dir, '..')
const PAGE = join(ROOT, 'docs/compatibility.md')

/** Drives a server with the command, as anybody would. */
async function drive(server: Server): Promise<Card> {
  const started = await startServer(server)
  try {
    const { url, appId, key, secret, webhooks } = started
    const what = ['--json', '--with', server.besides.join(), '--webhooks', String(webhooks)]
    const where = ['--url', url, '--app-id', appId, '--key', key, '--secret', secret]
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, 'index.ts'), ...what, ...where],
      {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'inherit',
      },
    )
    const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    if (code > 1) throw new Error(`${server.name} could not be driven`)
    return { name: server.name, version: await server.readVersion(), document: JSON.parse(text) }
  } finally {
    await started.stop()
  }
}

const soketi = resolve(process.argv[2] ?? join(ROOT, '.peers/soketi'))
if (!existsSync(join(soketi, 'node_modules/@soketi/soketi')))
  throw new Error(`soketi is not installed in ${soketi}; bench/README.md says how`)
const cards: Card[] = []
for (const server of listServers(soketi)) cards.push(await drive(server))
const clients = await Promise.all(
  ['pusher-js', 'pusher'].map(async (name) => {
    const { version } = await Bun.file(join(ROOT, 'node_modules', name, 'package.json')).json()
    return `${name} ${version}`
  }),
)
const heading = `${new Date().toISOString().slice(0, 10)}, with ${clients.join(' and ')}`
writeFileSync(PAGE, replaceCards(readFileSync(PAGE, 'utf8'), formatCards(cards, heading)))
Bun.spawnSync([process.execPath, 'fmt', PAGE], { cwd: ROOT, stdout: 'ignore' })
for (const { name, document } of cards)
  console.log(`${name}: ${document.passed} of ${document.cases} passed`)
