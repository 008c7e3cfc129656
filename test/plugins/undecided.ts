/** A plugin that waits in its filters until the test answers for it. */
import {
  definePlugin,
  type AnyPlugin,
  type ClientEventView,
  type EventView,
  type PluginContext,
  type Reject,
  type Replace,
} from '../../src/plugin'
import { Inbox } from '../harness'

type Answer = Reject | Replace | undefined

/** A question that waits for its answer. */
export type Question = {
  readonly view: EventView | ClientEventView
  answer(given?: Answer): void
  fail(cause: Error): void
}

/** Asks the test about events whose names end in `?`; others pass at once. */
export class Undecided {
  readonly #questions = new Inbox<Question>()
  #context: PluginContext | undefined

  readonly plugin: AnyPlugin = definePlugin({
    name: 'undecided',
    carillon: 1,
    waits: ['publish', 'clientEvent'],
    setup: (context) => {
      this.#context ??= context
      return {
        publish: (_, event) => this.#ask(event),
        clientEvent: (_, event) => this.#ask(event),
      }
    },
  })

  /** The next event that it is asked about. */
  next(): Promise<Question> {
    return this.#questions.next('a question')
  }

  /** Publishes an event by itself. */
  publish(name: string, appId = '1'): Promise<void> {
    const { apps, publish } = this.#context!
    return publish(apps.byId(appId)!, { channel: 'private-room', name, data: '' })
  }

  #ask(view: EventView | ClientEventView): Promise<Answer> | undefined {
    if (!view.event.endsWith('?')) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#questions.push({ view, answer: (given) => resolve(given), fail: reject })
    return promise
  }
}
