/** ParentLink: the parent, as a worker has it. */
import type { Environment } from '../config/setting'
import { fail } from '../start-settings'
import type { Move, Rank } from '../takeover/steering'
import type { FromParent, FromWorker } from './messages'

export class ParentLink {
  readonly #turn = Promise.withResolvers<boolean>()
  /** Called when the parent wants this process to leave; with a rank where the other workers go on. */
  onLeave: ((rank: Rank | undefined) => void) | undefined
  /** Called when connections are to go to another worker, or new ones to all again. */
  onPlace: ((move: Move | undefined) => void) | undefined
  /** Called when the parent has ended. */
  onLost: (() => void) | undefined

  constructor(
    readonly worker: number,
    readonly send: (message: FromWorker) => void,
  ) {
    process.on('message', (message: FromParent) => {
      if (message.type === 'leave') this.onLeave?.(message.rank)
      else if (message.type === 'listen') this.#turn.resolve(message.isShared)
      else this.onPlace?.(message.move)
    })
    process.on('disconnect', () => this.onLost?.())
  }

  /** Resolves when this process may listen: with true where others listen on the same ports. */
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
  return send
    ? new ParentLink(worker, (message) => void send(message))
    : fail('--worker is for the processes that CARILLON_WORKERS starts')
}
