/**
 * Questions: what this node asks others, for people and for scrapes: a connection that one of them has, the metrics of
 * the workers beside it. Whoever has an answer gives it. Owns the questions that have no answer yet. It is for nothing
 * on a hot path.
 */
import type { App } from '../../core/app'
import type { ConnectionView } from '../../core/connection-view'
import type { CloseOrder } from '../../core/engine'
import type { Context } from '../context'
import type { NodeAnswer, NodeAsk, NodeClose } from './wire'

/** Who has not answered by then has no answer. */
const PATIENCE_MS = 1000
/** Questions that wait at most. */
const MAX_WAITING = 100

export type Question = NodeAsk | NodeAnswer | NodeClose

/** Says something on the bus of nodes. Rejects with RedisAway. */
type Say = (message: Question) => Promise<unknown>

/** Called with each answer. */
type Take = (answer: NodeAnswer) => void

export class Questions {
  readonly #waiting = new Map<number, Take>()
  #asked = 0

  constructor(
    readonly context: Context,
    /** Of this node. */
    readonly id: string,
    readonly say: Say,
  ) {}

  /** Undefined where no other node has it, or says so in time. Rejects with RedisAway. */
  async findConnection(app: App, socketId: string): Promise<ConnectionView | undefined> {
    const [answer] = await this.#ask({ appId: app.id, socketId }, 1)
    return answer?.view
  }

  /** What `/metrics` says of so many others whose names begin so. Rejects with RedisAway. */
  async metricsOf(group: string, count: number): Promise<readonly string[]> {
    const answers = await this.#ask({ group }, count)
    return answers.flatMap(({ text }) => (text === undefined ? [] : [text]))
  }

  /** Done with so many answers, or when it is too late for more. */
  async #ask(about: NodeAsk['about'], count: number): Promise<readonly NodeAnswer[]> {
    if (count === 0 || this.#waiting.size >= MAX_WAITING) return []
    const number = ++this.#asked
    const answers: NodeAnswer[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(number, (answer) => {
      answers.push(answer)
      if (answers.length === count) resolve()
    })
    const cancel = this.context.clock.after(PATIENCE_MS, resolve)
    try {
      await this.say({ type: 'ask', id: this.id, number, about })
      await promise
      return answers
    } finally {
      cancel()
      this.#waiting.delete(number)
    }
  }

  /** Closes a connection, wherever it is. Rejects with RedisAway. */
  async close(order: CloseOrder): Promise<void> {
    const { app, socketId, isToReconnect } = order
    const { node } = this.context
    if (node.describe(app, socketId)) return node.carryOut(order)
    await this.say({ type: 'close', id: this.id, appId: app.id, socketId, isToReconnect })
  }

  /** What another node has said. */
  receive(message: Question): void {
    const { node } = this.context
    switch (message.type) {
      case 'answer':
        if (message.to === this.id) this.#waiting.get(message.number)?.(message)
        return
      case 'ask':
        return this.#answer(message)
      case 'close': {
        const { appId, socketId, isToReconnect } = message
        const app = node.app(appId)
        if (app) node.carryOut({ type: 'close_connection', app, socketId, isToReconnect })
      }
    }
  }

  #answer({ id: to, number, about }: NodeAsk): void {
    const { node } = this.context
    /** Whoever asks waits no longer than a second: what is not said is not repeated. */
    const answer = (found: Pick<NodeAnswer, 'view' | 'text'>): void =>
      void this.say({ type: 'answer', id: this.id, to, number, ...found }).catch(() => undefined)
    if ('group' in about) {
      if (node.report().name.startsWith(about.group))
        node.readMetrics?.().then(
          (text) => answer({ text }),
          () => undefined,
        )
      return
    }
    const app = node.app(about.appId)
    const view = app && node.describe(app, about.socketId)
    if (view) answer({ view })
  }
}
