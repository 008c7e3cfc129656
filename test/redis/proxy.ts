/** A proxy on the way of a node to Redis (or of anybody to a port), which is cut, stalled and delayed by tests. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

const HOST = '127.0.0.1'

/** One connection: what comes in at one socket goes out at the other. */
type Pair = readonly [Socket, Socket]

/** Starts a proxy in front of a port. */
export async function startProxy(target: number): Promise<Proxy> {
  const proxy = new Proxy(target)
  await proxy.open()
  return proxy
}

export class Proxy {
  readonly #pairs = new Set<Pair>()
  /** Those on which somebody listens to a bus. */
  readonly #buses = new WeakSet<Pair>()
  #server: Server | undefined
  #delayMs = 0
  #busDelayMs = 0
  #isStalled = false
  /** Where it listens; the same after a cut. */
  port = 0

  /** New connections go to `target`; it may be changed. */
  constructor(public target: number) {}

  async open(): Promise<void> {
    const server = createServer({ pauseOnConnect: true }, (client) => this.#accept(client))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).listen(this.port, HOST, resolve)
    await promise
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  get connectionCount(): number {
    return this.#pairs.size
  }

  #accept(client: Socket): void {
    const pair = [client, connect(this.target, HOST)] as const
    this.#pairs.add(pair)
    this.#pass(pair, pair[0], pair[1])
    this.#pass(pair, pair[1], pair[0])
    if (this.#isStalled) pair[1].pause()
    else client.resume()
  }

  /** What comes out is in the order of what went in, whatever becomes of the delay meanwhile. */
  #pass(pair: Pair, from: Socket, to: Socket): void {
    const waiting: { readonly due: number; readonly run: () => void }[] = []
    const runDue = (): void => {
      while (waiting.length > 0 && waiting[0]!.due <= performance.now()) waiting.shift()!.run()
      if (waiting.length > 0) setTimeout(runDue, waiting[0]!.due - performance.now())
    }
    const later = (run: () => void): void => {
      const isFirst = waiting.length === 0
      const isHeard = from === pair[1] && this.#buses.has(pair)
      const delayMs = this.#delayMs + (isHeard ? this.#busDelayMs : 0)
      if (isFirst && delayMs === 0) return run()
      waiting.push({ due: performance.now() + delayMs, run })
      if (isFirst) setTimeout(runDue, delayMs)
    }
    from.setNoDelay(true)
    from.on('data', (bytes) => {
      if (from === pair[0] && bytes.includes('\r\nsubscribe\r\n')) this.#buses.add(pair)
      later(() => to.destroyed || this.#write(from, to, bytes))
    })
    from.on('error', () => undefined) // its close says the same
    from.on('close', () => {
      later(() => {
        to.destroy()
        this.#pairs.delete(pair)
      })
    })
  }

  #write(from: Socket, to: Socket, bytes: Buffer | string): void {
    if (to.write(bytes)) return
    from.pause()
    to.once('drain', () => this.#isStalled || from.resume())
  }

  /** Ends all connections, and refuses new ones until `heal`. */
  async cut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closing = new Promise<void>((resolve) =>
      server ? server.close(() => resolve()) : resolve(),
    )
    this.reset()
    await closing
  }

  /** Ends all connections; new ones are welcome. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy()
    this.#pairs.clear()
  }

  /** Nothing passes and nobody is told, as where a network is parted. What is sent meanwhile arrives after `heal`. */
  stall(): void {
    this.#isStalled = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  /** Everything takes so much longer from now on, each way. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** What is heard on buses comes so much later from now on; answers of other connections do not. */
  delayBuses(ms: number): void {
    this.#busDelayMs = ms
  }

  /** Ends what was done to it. */
  async heal(): Promise<void> {
    this.#delayMs = 0
    this.#busDelayMs = 0
    this.#isStalled = false
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
    if (!this.#server) await this.open()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut()
  }
}
