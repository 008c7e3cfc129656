/** WorkerProcess: one process of a worker, as the parent has it. */
import type { Environment } from '../config/setting'
import { ownCommand } from '../takeover/spawn'
import type { Move } from '../takeover/steering'
import type { FromParent, FromWorker, Listening } from './messages'

/** How a process has ended. */
export type Ended = {
  readonly type: 'ended'
  /** Null where a signal has ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | number | null
  /** What it said of its end, for the operator. */
  readonly lines: readonly string[]
}

export class WorkerProcess {
  readonly #child: Bun.Subprocess<'ignore', 'inherit', 'inherit'>
  readonly #listening = Promise.withResolvers<Listening>()
  readonly #ended = Promise.withResolvers<Ended>()
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended> = this.#ended.promise
  /** Resolves when it listens, or has ended before. */
  readonly started: Promise<Listening | Ended> = Promise.race([
    this.#listening.promise,
    this.#ended.promise,
  ])
  #lines: readonly string[] = []
  #moved = Promise.withResolvers<void>()
  #isConnected = true

  /** `onBuilt` is called when it is about to listen, and waits for the word. */
  constructor(
    readonly worker: number,
    env: Environment,
    readonly onBuilt: (process: WorkerProcess) => void,
  ) {
    const disconnected = Promise.withResolvers<void>()
    this.#child = Bun.spawn(ownCommand('serve', '--worker', String(worker)), {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      serialization: 'json',
      ipc: (message) => this.#receive(message as FromWorker),
      onDisconnect: () => {
        this.#isConnected = false
        disconnected.resolve()
      },
    })
    // Its last message may come after the news of its exit.
    void Promise.all([this.#child.exited, disconnected.promise]).then(() => {
      const { exitCode: code, signalCode: signal } = this.#child
      this.#ended.resolve({ type: 'ended', code, signal, lines: this.#lines })
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  #receive(message: FromWorker): void {
    if (message.type === 'built') this.onBuilt(this)
    else if (message.type === 'failed') this.#lines = message.lines
    else if (message.type === 'moved') this.#moved.resolve()
    else this.#listening.resolve(message)
  }

  /** Does nothing where it has ended. */
  send(message: FromParent): void {
    if (this.#isConnected) this.#child.send(message)
  }

  /** Has it send a share of its connections to another one. Done when it has, or has ended. */
  async move(move: Move): Promise<void> {
    this.#moved = Promise.withResolvers()
    this.send({ type: 'place', move })
    await Promise.race([this.#moved.promise, this.ended])
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
