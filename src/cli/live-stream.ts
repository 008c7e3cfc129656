/**
 * LiveStream: what happens in an app, as the admin API tells it. It comes back after each cut, with the id of the last
 * row that it had, and says what was missed.
 */
import { parseRecord } from '../core/json'
import type { Client } from './client'
import { CommandError } from './exits'

/** A row: its kind, when it was, and what the kind has. */
export type LiveRow = Readonly<Record<string, unknown>> & {
  readonly kind: string
  /** Epoch milliseconds. */
  readonly at: number
}

export type LiveStreamOptions = {
  readonly client: Client
  /** Slug or id. */
  readonly app: string
  readonly query: Readonly<Record<string, string>>
  readonly receive: (row: LiveRow) => void
  /** How many rows of each kind were left out. */
  readonly skip: (counts: Readonly<Record<string, unknown>>) => void
  readonly note: (line: string) => void
  readonly signal: AbortSignal
}

const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000
/** The server has a beat every 20 seconds: who is silent for longer is gone. */
const SILENT_MS = 45_000
/** For so long the server gathers what was missed. */
const LINGER_SECONDS = 60
/** Refusals that stay. */
const FINAL = ['unauthorized', 'missing', 'usage'] as const

export class LiveStream {
  #lastId = ''
  #failures = 0
  #wasConnected = false

  constructor(readonly options: LiveStreamOptions) {}

  /** Until the signal is aborted. @throws CommandError for a refusal that stays */
  async run(): Promise<void> {
    const { signal, note } = this.options
    while (!signal.aborted) {
      const reason = await this.#read()
      if (signal.aborted) return
      const most = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
      const waitMs = Math.round(most * (0.5 + Math.random() / 2))
      note(`the stream is cut (${reason}); again in ${(waitMs / 1000).toFixed(1)} s`)
      await waitFor(waitMs, signal)
    }
  }

  /** Reads one connection to its end; resolves with why it has ended. */
  async #read(): Promise<string> {
    const { client, app, query, signal } = this.options
    const search = new URLSearchParams({ ...query, linger: String(LINGER_SECONDS) })
    const headers = this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), SILENT_MS)
    try {
      const path = `/apps/${encodeURIComponent(app)}/live?${search}`
      const ends = AbortSignal.any([signal, silence.signal])
      const sought = `the app ${app}`
      const answer = await client.adminStream(path, { headers, signal: ends, sought })
      const decoder = new TextDecoder()
      let text = ''
      for await (const part of answer.body ?? []) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), SILENT_MS)
        const blocks = (text + decoder.decode(part, { stream: true })).split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) this.#hear(block)
      }
      return 'the server has ended it'
    } catch (cause) {
      if (cause instanceof CommandError && (!this.#wasConnected || isFinal(cause))) throw cause
      return silence.signal.aborted ? 'the server is silent' : 'the connection is gone'
    } finally {
      clearTimeout(timer)
    }
  }

  #hear(block: string): void {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const colon = line.indexOf(': ')
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2))
    }
    const [event, data] = [fields.get('event'), parseRecord(fields.get('data') ?? '')]
    if (!event || !data) return
    if (event === 'hello') this.#noteHello(data['missed'])
    else if (event === 'skipped') this.options.skip(data)
    else this.options.receive(data as LiveRow)
    this.#lastId = fields.get('id') ?? this.#lastId
  }

  #noteHello(missed: unknown): void {
    const { app, note } = this.options
    this.#failures = 0
    if (!this.#wasConnected) note(`watching ${app}`)
    else if (missed === 0) note('back; nothing was missed but what is counted below')
    else if (typeof missed === 'number') note(`back; ${missed} rows were lost on their way`)
    else note('back; what happened meanwhile is not known')
    this.#wasConnected = true
  }
}

const isFinal = ({ exit }: CommandError): boolean => FINAL.some((final) => final === exit)

/** Resolves after a time, or once the signal is aborted. */
function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}
