/**
 * EventLog: what was published while a server ran inside another program, and who waits for it. Bounded; it ends with
 * the server, and nobody waits longer than that.
 */
import type { Facts } from './core/facts'
import type { Fact } from './core/messages'

/** An event that the server has accepted. */
export type PublishedEvent = {
  readonly appId: string
  readonly channel: string
  readonly name: string
  /** As pusher-js hands it over: the value of its JSON, or the text that is none; bytes where a Phoenix client sent some. */
  readonly data: unknown
  readonly from: 'backend' | 'client'
  /** The client that sent it; undefined for a backend's. */
  readonly socketId: string | undefined
}

/** An event whose fields are these, or of which the function is true. Absent: any. */
export type EventMatch =
  | {
      readonly channel?: string | undefined
      readonly name?: string | undefined
      readonly appId?: string | undefined
    }
  | ((event: PublishedEvent) => boolean)

export type WaitOptions = { readonly timeoutMs?: number | undefined }

const MAX_EVENTS = 10_000
const WAIT_MS = 2000
/** How many of the events an error of a wait names. */
const SHOWN = 10

/** Somebody who looks again at each event, or at each arrival. */
type Waiter = { readonly look: () => void; readonly giveUp: (reason: string) => void }

export class EventLog {
  #events: PublishedEvent[] = []
  readonly #waiters = new Set<Waiter>()
  readonly #deafen: () => void
  #isStopped = false

  constructor(facts: Facts) {
    this.#deafen = facts.listen({
      types: ['published', 'subscribed'],
      receive: (fact) => this.#receive(fact),
    })
  }

  get events(): readonly PublishedEvent[] {
    return this.#events
  }

  clear(): void {
    this.#events = []
  }

  /** Resolves with the first event that matches. Rejects after `timeoutMs`, at the stop, and for a field that is none. */
  async waitFor(match: EventMatch = {}, { timeoutMs }: WaitOptions = {}): Promise<PublishedEvent> {
    const isMeant =
      typeof match === 'function' ? match : (event: PublishedEvent) => has(event, match)
    if (typeof match !== 'function') checkFields(match)
    const what = typeof match === 'function' ? 'such an event' : `an event ${JSON.stringify(match)}`
    let found: PublishedEvent | undefined
    await this.#wait(
      async () => (found = this.#events.find(isMeant)) !== undefined,
      what,
      timeoutMs,
    )
    return found!
  }

  /** Resolves once somebody has arrived with whom it is true. */
  waitForArrival(isTrue: () => Promise<boolean>, what: string, timeoutMs?: number): Promise<void> {
    return this.#wait(isTrue, what, timeoutMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#deafen()
    for (const { giveUp } of this.#waiters) giveUp('the server was stopped')
  }

  #receive(fact: Extract<Fact, { readonly type: 'published' | 'subscribed' }>): void {
    if (fact.type === 'published') {
      this.#events.push(eventOf(fact))
      if (this.#events.length > MAX_EVENTS) this.#events.shift()
    }
    for (const { look } of this.#waiters) look()
  }

  async #wait(isTrue: () => Promise<boolean>, what: string, timeoutMs = WAIT_MS): Promise<void> {
    if (await isTrue()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = (reason: string): void =>
      reject(new Error(`waited for ${what}: ${reason}; ${this.#describe()}`))
    const look = (): void => void isTrue().then((is) => is && resolve(), reject)
    const waiter = { look, giveUp }
    if (this.#isStopped) giveUp('the server was stopped')
    this.#waiters.add(waiter)
    const timer = setTimeout(() => giveUp(`not within ${timeoutMs} ms`), timeoutMs)
    look() // it may have come while `isTrue` was asked
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
  }

  #describe(): string {
    const names = this.#events.map(({ name, channel }) => `${name} to ${channel}`)
    if (names.length === 0) return 'nothing was published'
    const shown = names.slice(-SHOWN).join(', ')
    return `published were ${names.length > SHOWN ? `${names.length}, the last ${shown}` : shown}`
  }
}

type FieldMatch = Exclude<EventMatch, Function>

const FIELDS = ['channel', 'name', 'appId'] as const

const has = (event: PublishedEvent, match: FieldMatch): boolean =>
  FIELDS.every((field) => match[field] === undefined || match[field] === event[field])

/** A misspelt field would match every event, and a test that waits for one would prove nothing. @throws TypeError */
function checkFields(match: FieldMatch): void {
  const fields: readonly string[] = FIELDS
  const unknown =
    typeof match === 'object' && Object.keys(match).find((key) => !fields.includes(key))
  if (typeof match !== 'object' || unknown !== undefined)
    throw new TypeError(
      `an event is matched by channel, name and appId, or by a function: not by ${unknown || String(match)}`,
    )
}

type Published = Extract<Fact, { readonly type: 'published' }>

const eventOf = ({ app, channel, event, data, origin, socketId }: Published): PublishedEvent => ({
  appId: app.id,
  channel,
  name: event,
  data: typeof data === 'string' ? readText(data) : data,
  from: origin,
  socketId,
})

/** Backends send JSON as text inside of JSON; a text that is none stays. */
function readText(json: string): unknown {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value // SyntaxError: it is no JSON
  }
}
