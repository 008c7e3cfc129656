/**
 * Trial: one server that lives through several processes over one file. Publishers number what they
 * say on each channel; clients come and go by six ways; an admin makes apps. What was promised is
 * counted: every number once, in order, to whoever was there; every app that was answered with 201.
 */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { measureHeap } from '../lib/meter'
import { startServer, type BenchServer } from '../lib/processes'
import { makeScratch } from '../lib/scratch'
import type { Peer } from '../lib/sides'
import { makeTargetSigner } from '../lib/signing'
import { Stage } from '../lib/stage'
import { SoakClient, WAYS, type Around, type Fault } from './client'
import type { Chance } from './random'
import { formatEvent } from './wires'

export const CHANNELS: readonly string[] = Array.from({ length: 8 }, (_, index) => `soak-${index}`)
const CLIENTS = 60
/** Between two numbers of a channel. */
const PAUSE_MS = 5
const JSON_BODY = { 'content-type': 'application/json' }

export type TrialFault = Fault | 'forgotten' | 'ghosts' | 'leaked'

export class Trial implements Around, AsyncDisposable {
  readonly faults: { readonly kind: TrialFault; readonly about: string }[] = []
  lives = 0
  deliveries = 0
  triggers = 0
  apps = 0
  #offsetMs = 0
  /** One more with each process: what one promised is not expected of the next. */
  #epoch = 0
  #isCalm = true
  #busy: Promise<unknown>[] = []
  readonly #sent = new Map<string, number>()
  readonly #folder = makeScratch()
  readonly #clock = join(this.#folder.path, 'clock')
  #server: BenchServer | undefined

  constructor(readonly chance: Chance) {}

  get peer(): Peer {
    return this.#server!.peer
  }

  fault(kind: TrialFault, about: string): void {
    this.faults.push({ kind, about })
  }

  published(channel: string): number {
    return this.#sent.get(channel) ?? 0
  }

  /** A process over the file that those before it have left. */
  async start(): Promise<void> {
    this.#epoch++
    this.#offsetMs = 0
    await rm(this.#clock, { force: true })
    const env = { DATABASE_PATH: join(this.#folder.path, 'soak.sqlite'), BENCH_CLOCK: this.#clock }
    this.#server = await startServer('plain', { meter: 'soak', env })
    await this.#expectApps()
  }

  /** Connects all clients and starts the publishers. */
  begin(): void {
    this.#isCalm = false
    const epoch = this.#epoch
    this.#busy = [
      ...CHANNELS.map((channel) => this.#publish(channel, epoch)),
      ...Array.from({ length: CLIENTS }, (_, index) => this.#live(index, epoch)),
      this.#administer(epoch),
    ]
  }

  /** `kill -9`, in the middle of everything. */
  async kill(): Promise<void> {
    this.#epoch++
    this.#isCalm = true
    await this.#server?.[Symbol.asyncDispose]()
    await Promise.all(this.#busy)
  }

  /** Everybody leaves; then nobody may be left. */
  async calm(): Promise<void> {
    this.#isCalm = true
    await Promise.all(this.#busy)
    const stage = this.#stage()
    const end = performance.now() + GHOSTS_MS
    let left = await stage.get('/channels')
    while (left !== NOBODY && performance.now() < end) {
      await Bun.sleep(POLL_MS)
      left = await stage.get('/channels')
    }
    if (left !== NOBODY) this.fault('ghosts', left)
  }

  /** Bytes that are left once everything else is collected. */
  heap(): number {
    return measureHeap(this.peer, () => Bun.sleepSync(POLL_MS))
  }

  /** The server's wall clock stands `ms` beside the real one from now on. */
  async jump(ms: number): Promise<void> {
    await writeFile(this.#clock, String(ms))
    this.#offsetMs = ms
    this.heap() // which sets it, too
  }

  /** The process stands still. */
  async stop(ms: number): Promise<void> {
    process.kill(this.peer.pid!, 'SIGSTOP')
    await Bun.sleep(ms)
    process.kill(this.peer.pid!, 'SIGCONT')
  }

  /** Opens `connections` connections, which subscribe and are closed. */
  cycle(connections: number): void {
    const crowd = this.#stage().crowd(connections)
    crowd.join(() => ['soak-cycles'])
    crowd.leave()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#folder[Symbol.dispose]()
  }

  #stage(): Stage {
    return new Stage(this.peer, '', this.#offsetMs)
  }

  #isOver(epoch: number): boolean {
    return this.#isCalm || epoch !== this.#epoch
  }

  /** Publishes the next number once this one was answered; one that was refused is published again. */
  async #publish(channel: string, epoch: number): Promise<void> {
    while (!this.#isOver(epoch)) {
      const number = this.published(channel) + 1
      this.#sent.set(channel, number)
      const body = formatEvent(channel, number)
      const path = makeTargetSigner(this.peer.app, '/events', this.#offsetMs)(body)
      const url = `http://${this.peer.host}:${this.peer.port}${path}`
      const status = await statusOf(url, { method: 'POST', body, headers: JSON_BODY })
      if (status === 200) this.triggers++
      else if (status !== undefined && this.#sent.set(channel, number - 1))
        if (status !== 401) this.fault('refused', `a trigger was answered with ${status}`) // 401: the clock has jumped meanwhile
      await Bun.sleep(PAUSE_MS)
    }
  }

  /** Comes, listens, leaves or is cut off, over and over. */
  async #live(index: number, epoch: number): Promise<void> {
    const way = WAYS[index % WAYS.length]!
    while (!this.#isOver(epoch)) {
      const client = await SoakClient.connect(way, this.peer, this).catch(() => undefined)
      if (!client) {
        if (!this.#isOver(epoch)) this.fault('refused', `${way.name} was not taken in`)
        return
      }
      this.lives++
      for (let visits = 1 + this.chance.below(4); visits > 0 && !client.isOver; visits--)
        await this.#visit(client, epoch)
      client.leave(this.chance.of(['close', 'cut']))
      this.deliveries += client.deliveries
    }
  }

  async #visit(client: SoakClient, epoch: number): Promise<void> {
    const channel = this.chance.of(CHANNELS)
    if (!(await client.join(channel))) {
      if (!this.#isOver(epoch) && !client.isOver)
        this.fault('lost', `${client.way.name} was never let into ${channel}`)
      return
    }
    const wanted = this.published(channel) + this.chance.below(20)
    while (this.published(channel) < wanted && !this.#isOver(epoch)) await Bun.sleep(PAUSE_MS)
    const number = this.published(channel) - 1 // the one before was answered
    if (epoch === this.#epoch) await client.expectNumber(channel, number)
    if (!client.isOver) client.part(channel)
  }

  async #administer(epoch: number): Promise<void> {
    while (!this.#isOver(epoch)) {
      const url = `http://${this.peer.host}:${this.peer.port}/api/admin/apps`
      const body = `{"app":{"name":"soak ${this.apps}"}}`
      const headers = { ...JSON_BODY, authorization: ADMIN }
      const status = await statusOf(url, { method: 'POST', body, headers })
      if (status === 201 || status === 422) this.apps++ // 422: it was made, and the answer was lost
      await Bun.sleep(PAUSE_MS * 4)
    }
  }

  /** Every app that was promised is there. */
  async #expectApps(): Promise<void> {
    if (this.apps === 0) return
    const { data } = JSON.parse(await this.#stage().admin('GET', '')) as {
      data: { name: string }[]
    }
    const names = new Set(data.map(({ name }) => name))
    for (let index = 0; index < this.apps; index++)
      if (!names.has(`soak ${index}`)) this.fault('forgotten', `the app soak ${index}`)
  }
}

const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
const NOBODY = '{"channels":{}}'
/** Abandoned long-polls have a quarter of a minute. */
const GHOSTS_MS = 30_000
const POLL_MS = 20

/** Undefined where nobody answers any more. */
async function statusOf(url: string, init: RequestInit): Promise<number | undefined> {
  try {
    const response = await fetch(url, init)
    await response.arrayBuffer()
    return response.status
  } catch {
    return undefined // ConnectionRefused or ConnectionClosed: it was killed
  }
}
