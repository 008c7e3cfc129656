/** An application with stock phoenix.js and the helper, whose connection can be cut. */
import { resumePhoenix, type Recovery } from '../../src/client/resume'
import { Inbox, waitFor, type TestServer } from '../harness'
import {
  KEY,
  PHOENIX_JS,
  waitForAnswer,
  type Generation,
  type JsChannel,
  type JsSocket,
} from '../phoenix'

type Cuttable = JsSocket & { readonly conn: { terminate(): void } | null }

export class PhoenixPage {
  readonly events = new Inbox<{ topic: string; n: number }>()
  readonly joined = new Inbox<string>()
  readonly recoveries: [topic: string, recovery: Recovery][] = []
  readonly socket: Cuttable

  constructor({ socketPort }: Pick<TestServer, 'socketPort'>, generation: Generation) {
    const { Socket } = PHOENIX_JS[generation]()
    this.socket = new Socket(`ws://127.0.0.1:${socketPort}/socket`, {
      transport: WebSocket,
      params: Object.fromEntries([KEY.split('=')]),
      reconnectAfterMs: () => 1,
      rejoinAfterMs: () => 1,
    }) as Cuttable
    resumePhoenix(this.socket, {
      onRecovered: (topic, recovery) => this.recoveries.push([topic, recovery]),
    })
    this.socket.connect()
  }

  async join(topic: string): Promise<JsChannel> {
    const channel = this.socket.channel(topic, { own: 1 })
    channel.on('e', (payload) => this.events.push({ topic, ...(payload as { n: number }) }))
    const push = channel.join()
    push.receive('ok', () => this.joined.push(topic))
    const [status] = await waitForAnswer(push, `the join of ${topic}`)
    if (status !== 'ok') throw new Error(`the join of ${topic}: ${status}`)
    await this.joined.next()
    return channel
  }

  async leave(): Promise<void> {
    await waitFor('the end', new Promise<void>((resolve) => this.socket.disconnect(resolve)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.disconnect()
    return Promise.resolve()
  }
}
