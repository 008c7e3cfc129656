/** What tests of takeovers share. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'bun:test'
import Server from 'pusher'
import { blocksOf, readPage } from '../../docs/pages'
import { RawClient, waitUntil } from '../../harness'
import { BUILT, Executable } from '../../built'

const page = blocksOf(await readPage('docs/operations.md')).find(({ code }) =>
  code.trim().endsWith('--takeover'),
)!
/** The command of the page, by which a program takes the place of another one. */
export const TAKEOVER = page.code
  .trim()
  .replace(/^bun run carillon/, BUILT)
  .split(' ')

const KEY = 'test-app-fake-key'
export const APP = { appId: '1', key: KEY, secret: 'test-app-fake-secret', useTLS: false }
export const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`

/** Its start waits while there is a file `hold`, and fails where there is a file `fail`. */
const PLUGIN = `
  import { existsSync, writeFileSync } from 'node:fs'
  import { join } from 'node:path'
  const is = (name) => existsSync(join(import.meta.dir, name))
  const start = async () => {
    if (is('hold')) writeFileSync(join(import.meta.dir, 'held'), '')
    while (is('hold')) await Bun.sleep(5)
    if (is('fail')) throw new Error('it cannot start')
  }
  export default { plugins: [{ name: 'slow', carillon: 1, setup: () => ({ start }) }] }`

/** A folder with a database, and a plugin that stops whoever takes over where the test wants it. */
export class Place {
  #sdk: Server | undefined
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-'))

  constructor(readonly port: number) {
    writeFileSync(this.path('carillon.config.ts'), PLUGIN)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  get env(): Record<string, string> {
    return {
      DATABASE_PATH: this.path('db.sqlite'),
      CARILLON_CONFIG: this.path('carillon.config.ts'),
      PORT: String(this.port),
      CARILLON_DRAIN_SECONDS: '1',
    }
  }

  /** Puts a file there for a while. */
  hold(name: 'hold' | 'fail'): Disposable {
    writeFileSync(this.path(name), '')
    return { [Symbol.dispose]: () => rmSync(this.path(name), { force: true }) }
  }

  /** Resolves when a process has the database, and waits in its start. */
  async waitUntilHeld(): Promise<void> {
    await waitUntil('a start is held', () => existsSync(this.path('held')))
    rmSync(this.path('held'))
  }

  async start(): Promise<Executable> {
    const program = new Executable(this.env)
    await program.waitUntilListening()
    return program
  }

  takeOver(env: Record<string, string> = {}): Executable {
    return new Executable({ ...this.env, ...env }, { command: TAKEOVER })
  }

  async connect(): Promise<RawClient> {
    const client = new RawClient(`ws://127.0.0.1:${this.port}/app/${KEY}?protocol=7`)
    await client.hello()
    client.send({ event: 'pusher:subscribe', data: { channel: 'room', positions: true } })
    await client.next('the subscription')
    return client
  }

  /** Has the app keep all events in the database. */
  async keepAll(): Promise<void> {
    const history = [{ prefix: '', size: 100_000, ttl_seconds: 600, durable: true }]
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/admin/apps/1`, {
      method: 'PATCH',
      headers: { authorization: ADMIN, 'content-type': 'application/json' },
      body: JSON.stringify({ app: { history } }),
    })
    expect(answer.status).toBe(200)
  }

  /** Rejects where it is not accepted. */
  async trigger(n: number): Promise<void> {
    this.#sdk ??= new Server({ ...APP, host: '127.0.0.1', port: String(this.port) })
    await this.#sdk.trigger('room', 'e', { n })
  }

  /** The lines that metrics of takeovers have. */
  async metrics(): Promise<Record<string, number>> {
    const url = `http://127.0.0.1:${this.port}/metrics`
    const text = await (await fetch(url, { headers: { authorization: ADMIN } })).text()
    const found = text.matchAll(/^carillon_(takeover\w*)_total (\d+)$/gm)
    return Object.fromEntries(Array.from(found, ([, name, value]) => [name, Number(value)]))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
