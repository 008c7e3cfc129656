/**
 * OwnTimers: timers that code of a plugin begins with the runtime's functions, past its `clock`: nothing ends
 * them at the stop. Watches `setInterval` and `setTimeout` of the global scope, not those of `node:timers`.
 */
import { dirname, sep } from 'node:path'

type Begin = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => unknown
type Timers = Record<'setInterval' | 'setTimeout', Begin> &
  Record<'clearInterval' | 'clearTimeout', (timer: unknown) => void>

const scope = globalThis as unknown as Timers

/**
 * Where timers begin that are not the plugin's: the server, this kit, the framework, which has caches, and clients that
 * other tests of the process have left behind, which end some time after they were told to.
 */
const OURS = [
  ...['src', 'kit'].map((folder) => `${dirname(import.meta.dir)}${sep}${folder}${sep}`),
  ['', 'node_modules', 'elysia', ''].join(sep),
  ...['phoenix', 'pusher-js', 'pushex'].map((client) => ['', 'node_modules', client].join(sep)),
]

export class OwnTimers {
  /** The name of the function that began each. */
  readonly #running = new Map<unknown, string>()
  readonly #before: Timers

  /** Watches until `stop`. */
  constructor() {
    const { setInterval, setTimeout, clearInterval, clearTimeout } = scope
    this.#before = { setInterval, setTimeout, clearInterval, clearTimeout }
    scope.setInterval = (run, ms, ...args) => {
      const timer = setInterval(run, ms, ...args)
      return this.#note(timer, 'setInterval')
    }
    scope.setTimeout = (run, ms, ...args) => {
      const fire = (...given: unknown[]): void => {
        this.#running.delete(timer)
        run(...given)
      }
      const timer = setTimeout(fire, ms, ...args)
      return this.#note(timer, 'setTimeout')
    }
    scope.clearInterval = scope.clearTimeout = (timer) => {
      for (const known of this.#running.keys())
        if (known === timer || Number(known) === timer) this.#running.delete(known)
      clearTimeout(timer)
    }
  }

  /** Ends the watch, and what still runs. Returns the functions that began it. */
  stop(): string[] {
    Object.assign(scope, this.#before)
    const names = [...this.#running.values()]
    for (const timer of this.#running.keys()) scope.clearTimeout(timer)
    this.#running.clear()
    return names
  }

  #note(timer: unknown, name: string): unknown {
    const frames = new Error().stack?.split('\n').slice(1) ?? []
    const caller = frames.find((frame) => !frame.includes(import.meta.path)) ?? ''
    if (!OURS.some((folder) => caller.includes(folder))) this.#running.set(timer, name)
    return timer
  }
}
