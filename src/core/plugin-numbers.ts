/**
 * PluginNumbers: the counters and gauges of one plugin, for the report. A report has numbers whatever the plugin
 * does; its mistakes are in the log, with the name of the number.
 */
import { isThenable } from './plugin-answers'
import { jsonOf } from './json'
import { logFailure, runWatched } from './plugin-faults'
import type { Counter, LabelledCounter } from './plugin-means'
import type { Log } from './types'

/** Numbers of one plugin: counters, each combination of their labels, and gauges. */
const MAX_NUMBERS = 1000
const MAX_LABEL_CHARS = 200

type Labels = Readonly<Record<string, string>>

type CounterReport = {
  readonly name: string
  readonly about: string
  /** Absent for a counter without labels. */
  readonly labels?: Labels
  readonly count: number
}

type GaugeReport = {
  readonly name: string
  readonly about: string
  /** Null where it could not be read. */
  readonly value: number | null
}

type Gauge = { readonly name: string; readonly about: string; readonly read: () => unknown }

/** What counts nothing: handed out for what has no room, so that the plugin goes on. */
const NOWHERE: Counter = Object.freeze({
  get count() {
    return 0
  },
  set count(_) {
    // for nobody
  },
})

export class PluginNumbers {
  readonly #counters: CounterReport[] = []
  readonly #gauges: Gauge[] = []

  constructor(
    /** The plugin's own. */
    readonly log: Log,
  ) {}

  /** @throws TypeError where a text is missing, or labels are no list of names */
  counter(name: unknown, about: unknown, labels?: unknown): Counter | LabelledCounter {
    if (!isText(name) || !isText(about)) throw new TypeError('counter(name, about) needs two texts')
    if (labels === undefined) return this.#add(name, about)
    const isList = Array.isArray(labels) && labels.length > 0 && labels.every(isText)
    if (!isList || new Set(labels).size < labels.length)
      throw new TypeError(`counter(${name}, about, labels) needs a list of different texts`)
    return this.#labelled(name, about, labels)
  }

  /** @throws TypeError where a text or the function is missing */
  gauge(name: unknown, about: unknown, read: unknown): void {
    if (!isText(name) || !isText(about) || typeof read !== 'function')
      throw new TypeError('gauge(name, about, read) needs two texts and a function')
    if (this.#hasRoom(name)) this.#gauges.push({ name, about, read: read as () => unknown })
  }

  /** In the order in which they were made. */
  get counters(): readonly CounterReport[] {
    return this.#counters.map((each) => ({ ...each }))
  }

  /** Reads the gauges. */
  readGauges(): readonly GaugeReport[] {
    return this.#gauges.map((gauge) => ({
      name: gauge.name,
      about: gauge.about,
      value: this.#read(gauge),
    }))
  }

  /** A counter in two parts: what the plugin is given, and what is reported. */
  #add(name: string, about: string, labels?: Labels): Counter {
    if (!this.#hasRoom(name)) return NOWHERE
    const { log } = this
    let count = 0
    this.#counters.push({
      name,
      about,
      ...(labels && { labels }),
      get count() {
        return count
      },
    })
    return Object.freeze({
      get count() {
        return count
      },
      set count(next) {
        if (Number.isFinite(next)) count = next
        else
          logFailure(log, { hook: 'counter' }, new TypeError(`${name} cannot be ${String(next)}`))
      },
    })
  }

  #labelled(name: string, about: string, labels: readonly string[]): LabelledCounter {
    const byValues = new Map<string, Counter>()
    return Object.freeze({
      of: (given: Labels | undefined) => {
        const values = labels.map((label) => given?.[label])
        const wrong = values.findIndex((value) => !isLabel(value))
        if (wrong >= 0)
          return this.#refuse(
            `${name} needs a ${labels[wrong]}, a text of at most ${MAX_LABEL_CHARS} characters`,
          )
        const key = values.length === 1 ? values[0]! : jsonOf(values)!
        const known = byValues.get(key)
        if (known) return known
        const own = Object.fromEntries(labels.map((label, index) => [label, values[index]!]))
        const counter = this.#add(name, about, Object.freeze(own))
        if (counter !== NOWHERE) byValues.set(key, counter)
        return counter
      },
    })
  }

  #hasRoom(name: string): boolean {
    if (this.#counters.length + this.#gauges.length < MAX_NUMBERS) return true
    this.#refuse(`no room for another ${name}: a plugin has ${MAX_NUMBERS} numbers at most`)
    return false
  }

  #refuse(message: string): Counter {
    logFailure(this.log, { hook: 'counter' }, new RangeError(message))
    return NOWHERE
  }

  #read({ name, read }: Gauge): number | null {
    const source = { hook: `gauge ${name}` }
    try {
      const value = runWatched(this.log, source, read)
      if (typeof value === 'number' && Number.isFinite(value)) return value
      if (isThenable(value)) Promise.resolve(value).catch(() => undefined) // the error below is the one that counts
      throw new TypeError(`the gauge ${name} has read no finite number`)
    } catch (cause) {
      logFailure(this.log, source, cause)
      return null
    }
  }
}

const isText = (given: unknown): given is string => typeof given === 'string' && given !== ''
const isLabel = (given: unknown): boolean =>
  typeof given === 'string' && given.length <= MAX_LABEL_CHARS
