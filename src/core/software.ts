/**
 * Software: which client libraries connect, as they call themselves. What many say is held once: a connection then
 * holds nothing but a reference.
 */
import { copyText } from './json'

/** What a client says of itself; nobody checks it. */
export type Software = {
  /** Of the query: pusher-js says `js`. */
  readonly library: string | undefined
  readonly version: string | undefined
  readonly userAgent: string | undefined
  /** How many connections have said so. */
  connects: number
}

type Said = 'library' | 'version' | 'userAgent'
type SentRequest = { readonly query: URLSearchParams; readonly headers: Headers }

const MAX_CHARS = { library: 64, version: 32, userAgent: 256 } as const
/** So many are known; then they are learnt anew. */
const MAX_KNOWN = 1000

export class KnownSoftware {
  readonly #known = new Map<string, Software>()
  /** What the last request has said. */
  #last: { query: URLSearchParams; userAgent: string; software: Software | undefined } | undefined

  /** Undefined for a client that says nothing. */
  of({ query, headers }: SentRequest): Software | undefined {
    const userAgent = headers.get('user-agent') ?? ''
    if (this.#last?.query !== query || this.#last.userAgent !== userAgent)
      this.#last = { query, userAgent, software: this.#find(query, userAgent) }
    const { software } = this.#last
    if (software) software.connects++
    return software
  }

  #find(query: URLSearchParams, userAgent: string): Software | undefined {
    const library = query.get('client') ?? ''
    const version = query.get('version') ?? ''
    const key = `${library}\n${version}\n${userAgent}`
    return this.#known.get(key) ?? this.#learn(key, { library, version, userAgent })
  }

  /** What is held; a thousand at most. */
  known(): Iterable<Software> {
    return this.#known.values()
  }

  #learn(key: string, said: Readonly<Record<Said, string>>): Software | undefined {
    if (key === NOTHING) return undefined
    const software: Software = {
      library: cut(said.library, MAX_CHARS.library),
      version: cut(said.version, MAX_CHARS.version),
      userAgent: cut(said.userAgent, MAX_CHARS.userAgent),
      connects: 0,
    }
    if (key.length > MAX_KEY_CHARS) return software
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(key, software)
    return software
  }
}

const NOTHING = '\n\n'
/** Longer ones are held by their connection alone. */
const MAX_KEY_CHARS = 400

/** A copy where it is too long: the rest of the text is not kept alive. */
function cut(text: string, most: number): string | undefined {
  if (text === '') return undefined
  return text.length <= most ? text : copyText(text.slice(0, most))
}
