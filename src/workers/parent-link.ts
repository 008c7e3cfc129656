/** ParentLink: the parent, as a worker has it. */
import type { Environment } from '../config/setting'
import { fail } from '../start-settings'
import type { Move, Rank } from '../takeover/steering'
import type { FromParent, FromWorker } from './messages'

export type Answers = {
  /** The parent wants this process to leave; with a rank where the other workers go on. */
  readonly leave: (rank: Rank | undefined) => void
  /** Connections are to go to another worker, or new ones to all again. */
  readonly place: (move: Move | undefined) => void
  /** The parent has ended. */
  readonly lose: () => void
}

export class ParentLink {
  readonly #turn = Promise.withResolvers<boolean>()

  constructor(
    readonly worker: number,
    readonly send: (message: FromWorker) => void,
  ) {
    this.#turn.promise.catch(() => undefined) // nobody may wait for it
  }

  /** Answers whatever the parent says: until then the runtime keeps it. */
  listen({ leave, place, lose }: Answers): void {
    process.on('message', (message: FromParent) => {
      if (message.type === 'listen') return this.#turn.resolve(message.isShared)
      if (message.type === 'place') return place(message.move)
      leave(message.rank)
      this.#giveUp()
    })
    const end = (): void => {
      lose()
      this.#giveUp()
    }
    process.on('disconnect', end)
    if (!process.connected) end()
  }

  #giveUp(): void {
    this.#turn.reject(new Error('the start was given up'))
  }

  /** Resolves when this process may listen: with true where others listen on the same ports. Rejects where it is to leave. */
  takeTurn(): Promise<boolean> {
    this.send({ type: 'built' })
    return this.#turn.promise
  }

  sayListening(addresses: Environment, announcement: string): void {
    this.send({ type: 'listening', addresses, announcement })
  }

  /** Exits; the parent prints the lines where nothing has started yet, and logs them else. */
  readonly fail = (...lines: readonly string[]): never => {
    this.send({ type: 'failed', lines })
    process.exit(1)
  }
}

/** Exits where no parent has started this process. */
export function connectToParent(worker: number): ParentLink {
  const send = process.send?.bind(process)
  const say = (message: FromWorker): void => {
    if (process.connected) send?.(message)
  }
  return send
    ? new ParentLink(worker, say)
    : fail('--worker is for the processes that CARILLON_WORKERS starts')
}
