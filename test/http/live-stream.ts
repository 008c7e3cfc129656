/** A reader of Server-Sent Events. */
import type { TestServer } from '../harness'

type Message = {
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A reader of one stream. */
export class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #messages: Message[] = []
  readonly #decoder = new TextDecoder()
  #text = ''
  /** Of the last message that was read and had one. */
  lastId = ''

  constructor(
    readonly server: TestServer,
    response: Response,
  ) {
    this.#reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>
  }

  /** The next message; undefined at the end. What has happened is written when the clock moves on, which this does. */
  async next(): Promise<Message | undefined> {
    while (this.#messages.length === 0) {
      const part = this.#reader.read()
      this.server.advance(100)
      const { value, done } = await part
      if (done) return undefined
      this.#text += this.#decoder.decode(value)
      const blocks = this.#text.split('\n\n')
      this.#text = blocks.pop()!
      this.#messages.push(...blocks.map((block) => this.#parse(block)))
    }
    return this.#messages.shift()
  }

  async nextOf(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.next()
      if (!message) throw new Error(`the stream ended before ${event}`)
      if (message.event === event) return message.data
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel()
  }

  #parse(block: string): Message {
    const fields = new Map(
      block.split('\n').map((line) => {
        const colon = line.indexOf(': ')
        return [line.slice(0, colon), line.slice(colon + 2)]
      }),
    )
    this.lastId = fields.get('id') ?? this.lastId
    return { event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') }
  }
}
