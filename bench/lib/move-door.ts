/**
 * Door: the one address that clients know, in front of the server that they reach by it. A small TCP proxy, as a load
 * balancer is during a move: what comes in goes to the present server, and who is with another stays there until shed.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { HOST } from './sides'

/** One connection through the door. */
type Passage = {
  readonly port: number
  readonly client: Socket
  readonly server: Socket
  /** Undefined until the first bytes have come. */
  isSocket: boolean | undefined
  /** True while a request waits for its answer. */
  isAwaiting: boolean
}

/** How a client of Pusher's protocol begins; whoever begins otherwise sends requests. */
const SOCKET = 'GET /app/'

/** How long an answer is silent that has ended. */
const QUIET_MS = 20

export class Door {
  readonly #passages = new Set<Passage>()
  readonly #listener: Server
  #target: number

  private constructor(target: number) {
    this.#target = target
    this.#listener = createServer((client) => this.#admit(client))
  }

  static async open(target: number): Promise<Door> {
    const door = new Door(target)
    await new Promise<void>((done) => door.#listener.listen(0, HOST, done))
    return door
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** Sends to that port whoever comes from now on. */
  switchTo(port: number): void {
    this.#target = port
  }

  /** Closes the connections to another server than the present one; a request under way has its answer first. */
  shed(): void {
    for (const passage of this.#passages)
      if (passage.port !== this.#target) this.#closeWhenAnswered(passage)
  }

  [Symbol.dispose](): void {
    this.#listener.close()
    for (const { client, server } of this.#passages)
      [client, server].forEach((end) => end.destroy())
  }

  #admit(client: Socket): void {
    const port = this.#target
    const server = connect(port, HOST)
    const passage: Passage = { port, client, server, isSocket: undefined, isAwaiting: false }
    this.#passages.add(passage)
    client.on('data', (bytes: Buffer) => {
      passage.isSocket ??= bytes.toString('latin1', 0, SOCKET.length) === SOCKET
      passage.isAwaiting = !passage.isSocket
    })
    server.on('data', () => (passage.isAwaiting = false))
    client.pipe(server)
    server.pipe(client)
    for (const end of [client, server]) {
      end.on('error', () => undefined) // ECONNRESET, EPIPE: the close below tells both
      end.on('close', () => {
        client.destroy()
        server.destroy()
        this.#passages.delete(passage)
      })
    }
  }

  #closeWhenAnswered(passage: Passage): void {
    const { client, server } = passage
    if (passage.isAwaiting)
      return void server.once('data', () =>
        setTimeout(() => this.#closeWhenAnswered(passage), QUIET_MS),
      )
    server.unpipe(client)
    client.end()
    server.destroy()
  }
}
