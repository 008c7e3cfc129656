/**
 * A cable between pages and a server, which can be pulled: what came through it is cut, and whoever connects again waits
 * until it is plugged in. (Where connections are refused, pusher-js tries again after fifteen seconds only.)
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export class Cable {
  readonly #sockets = new Set<Socket>()
  #pluggedIn = Promise.withResolvers<void>()
  readonly #end

  constructor(port: number) {
    this.#pluggedIn.resolve()
    this.#end = createServer((near) => void this.#join(near, port))
  }

  async #join(near: Socket, port: number): Promise<void> {
    near.on('error', () => near.destroy())
    await this.#pluggedIn.promise
    const far = connect(port, '127.0.0.1', () => near.pipe(far).pipe(near))
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy()) // of what was cut
      socket.on('close', () => {
        this.#sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
  }

  /** The port of its near end. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#end.listen(0, '127.0.0.1', () => resolve((this.#end.address() as AddressInfo).port))
    })
  }

  pull(): void {
    this.#pluggedIn = Promise.withResolvers()
    for (const socket of this.#sockets) socket.destroy()
  }

  plugIn(): void {
    this.#pluggedIn.resolve()
  }

  [Symbol.dispose](): void {
    this.pull()
    this.#end.close()
  }
}
