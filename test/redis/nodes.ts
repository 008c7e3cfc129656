/** N servers on one Redis, each a process of its own with a database file of its own: they are killed, paused, restarted. */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Server from 'pusher'
import { findFreePort, isUp, reinCommand } from '../../bench/lib/processes'
import { makeScratch } from '../../bench/lib/scratch'
import { BUILT } from '../built'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { RawClient, type RawOptions } from '../harness'
import type { TestRedis } from './redis'

/** The published app. */
export const APP = { id: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' } as const

export type NodesOptions = {
  /** 2, if absent. */
  readonly count?: number
  /** The name of all of them together; one that nobody else has, if absent. */
  readonly cluster?: string
  /** Settings of all. */
  readonly env?: Readonly<Record<string, string>>
  /** How each gets to Redis, by its index: the port of a proxy, for example. */
  readonly redisUrlOf?: (index: number) => string
}

/** Several start at once, on machines that are busy. */
const READY_MS = 60_000

const running = new Set<Bun.Subprocess>()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** Starts the nodes, all at once. */
export async function startNodes(redis: TestRedis, options: NodesOptions = {}): Promise<Nodes> {
  const { count = 2, cluster = crypto.randomUUID(), env = {} } = options
  const { redisUrlOf = () => redis.url } = options
  const folder = makeScratch()
  const nodes = Array.from({ length: count }, (_, index) => {
    const name = `node-${index}`
    const own = {
      CARILLON_REDIS_URL: redisUrlOf(index),
      CARILLON_CLUSTER: cluster,
      CARILLON_NODE_NAME: name,
      DATABASE_PATH: join(folder.path, `${name}.sqlite`),
    }
    return new NodeProcess(name, join(folder.path, `${name}.log`), { ...own, ...env })
  })
  await using guard = new AsyncDisposableStack()
  guard.use(folder)
  for (const node of nodes) guard.use(node)
  await Promise.all(nodes.map((node) => node.start()))
  return new Nodes(nodes, cluster, guard.move())
}

/** All of them; they end with it, and their files. */
class Nodes {
  constructor(
    readonly all: readonly NodeProcess[],
    readonly cluster: string,
    readonly stack: AsyncDisposableStack,
  ) {}

  at(index: number): NodeProcess {
    const node = this.all[index]
    if (!node) throw new Error(`there is no node ${index}`)
    return node
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync()
  }
}

export class NodeProcess {
  /** The same in each life. */
  readonly port = findFreePort()
  readonly sdk: Server
  #child: Bun.Subprocess | undefined
  #life = 0

  constructor(
    readonly name: string,
    readonly logFile: string,
    readonly env: Readonly<Record<string, string>>,
  ) {
    const { id: appId, key, secret } = APP
    const place = { host: '127.0.0.1', port: String(this.port), useTLS: false }
    this.sdk = new Server({ appId, key, secret, ...place })
  }

  /** How often it was started. */
  get life(): number {
    return this.#life
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Why it has ended by itself: its code or signal; undefined while it runs, or where a test has ended it. */
  get end(): string | undefined {
    const child = this.#child
    if (!child || (child.exitCode === null && child.signalCode === null)) return undefined
    return String(child.exitCode ?? child.signalCode)
  }

  /** Starts it, with what its database has. @throws Error with the end of its log where it does not answer */
  async start(): Promise<void> {
    this.#life++
    const log = openSync(this.logFile, 'a')
    const child = Bun.spawn([...reinCommand(), BUILT], {
      cwd: dirname(this.logFile),
      env: { PATH: process.env['PATH'], PORT: String(this.port), ...this.env },
      stdin: 'ignore',
      stdout: log,
      stderr: log,
    })
    closeSync(log)
    running.add(child)
    this.#child = child
    const end = performance.now() + READY_MS
    while (child.exitCode === null && performance.now() < end) {
      if (await isUp(this.port)) return
      await Bun.sleep(20)
    }
    throw new Error(`${this.name} does not answer: ${this.log.slice(-1000)}`)
  }

  /** Ends it at once, as a crash does. */
  kill(): Promise<void> {
    return this.#endBy('SIGKILL')
  }

  /** Asks it to leave, and waits until it has. */
  leave(): Promise<void> {
    return this.#endBy('SIGTERM')
  }

  async #endBy(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child) return
    child.kill(signal)
    await child.exited
    this.#child = undefined
    running.delete(child)
  }

  /** Stands still, with its connections open. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** What it has printed, in all of its lives. */
  get log(): string {
    return readFileSync(this.logFile, 'utf8')
  }

  /** The lines of its log that are JSON. */
  get logLines(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.log.split('\n').filter((line) => line.startsWith('{'))
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Connects a raw client and reads its hello, unless `hello` is false. */
  async raw(options: RawOptions = {}): Promise<RawClient> {
    const path = options.path ?? `/app/${APP.key}?protocol=7&client=test&version=1`
    const client = new RawClient(`ws://127.0.0.1:${this.port}${path}`, options)
    if (options.hello !== false) await client.hello()
    return client
  }

  http(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init)
  }

  /** Asks the admin API; the answer's body, if it is JSON. @throws Error for another status than 2xx */
  async admin(path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = { ...makeBasicAuth(ADMIN_PAIR), 'content-type': 'application/json' }
    const answer = await this.http(path, { ...init, headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${this.name} answers ${answer.status}: ${text}`)
    return text.startsWith('{') ? JSON.parse(text) : text
  }

  /** Asks the app's API, signed; 404 and the like are answers, too. */
  async get(path: string, params: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const answer = await this.sdk.get({ path, params })
    return answer.json()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume()
    await this.kill()
  }
}

/** `auth` and, on presence channels, `channel_data` of a subscription. */
export function signSubscription(
  sdk: Server,
  client: { readonly socketId: string },
  channel: string,
  user?: { readonly user_id: string; readonly user_info?: object },
): { readonly auth: string; readonly channel_data?: string } {
  return sdk.authorizeChannel(client.socketId, channel, user)
}
