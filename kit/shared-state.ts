/**
 * SharedState: what a process has once and every plugin and the server use: the classes and functions of the runtime,
 * the environment, listeners of the process. Finds what has been changed there, and changes it back.
 */

/** Objects of the runtime by name, those of the language and others. With a class its prototype is watched. */
const LANGUAGE =
  'Object Array String Number Boolean Symbol BigInt Function Promise Map Set WeakMap WeakSet Date RegExp Error TypeError Uint8Array JSON Math Reflect'
const WEB =
  'URL URLSearchParams Headers Request Response Event EventTarget AbortController AbortSignal TextDecoder TextEncoder ReadableStream crypto console performance'
const NAMES = `${LANGUAGE} ${WEB}`.split(' ')
/** Functions of the global scope that are looked at beside those names. */
const FUNCTIONS = ['fetch', 'queueMicrotask', 'structuredClone', 'setImmediate'] as const

type Properties = ReadonlyMap<PropertyKey, PropertyDescriptor>
type Watched = { readonly name: string; readonly target: object; readonly before: Properties }
type Listener = (...args: unknown[]) => void

export class SharedState {
  readonly #watched: readonly Watched[]
  readonly #env: Readonly<NodeJS.ProcessEnv> = { ...process.env }
  readonly #listeners = new Set(listeners().map(([, listener]) => listener))

  /** Remembers how it is now. */
  constructor() {
    const own = [...NAMES, ...FUNCTIONS].map(
      (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const,
    )
    this.#watched = [
      { name: 'globalThis', target: globalThis, before: new Map(own) },
      ...NAMES.flatMap((name) => {
        const target = Reflect.get(globalThis, name) as { readonly prototype?: object }
        const { prototype } = target
        return [watch(name, target), ...(prototype ? [watch(`${name}.prototype`, prototype)] : [])]
      }),
    ]
  }

  /** Changes back what was changed meanwhile. Returns the names of it. */
  restore(): string[] {
    const changed = this.#watched.flatMap(restoreProperties)
    for (const name of Object.keys({ ...this.#env, ...process.env })) {
      const before = this.#env[name]
      if (process.env[name] === before) continue
      changed.push(`process.env.${name}`)
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    }
    for (const [event, listener] of listeners()) {
      if (this.#listeners.has(listener)) continue
      changed.push(`the listeners of process for ${String(event)}`)
      process.off(event, listener)
    }
    return changed
  }
}

const listeners = (): (readonly [event: string, listener: Listener])[] =>
  process
    .eventNames()
    .flatMap((event) =>
      process
        .listeners(event as 'exit')
        .map((listener) => [event as string, listener as Listener] as const),
    )

const propertiesOf = (target: object): Properties =>
  new Map(
    Reflect.ownKeys(target).map((key) => [key, Object.getOwnPropertyDescriptor(target, key)!]),
  )

const watch = (name: string, target: object): Watched => ({
  name,
  target,
  before: propertiesOf(target),
})

function restoreProperties({ name, target, before }: Watched): string[] {
  const keys = target === globalThis ? [...before.keys()] : Reflect.ownKeys(target)
  const changed: string[] = []
  for (const key of new Set([...before.keys(), ...keys])) {
    const known = before.get(key)
    const now = Object.getOwnPropertyDescriptor(target, key)
    if (!isChanged(known, now)) continue
    changed.push(`${name}.${String(key)}`)
    if (known) Object.defineProperty(target, key, known)
    else Reflect.deleteProperty(target, key)
  }
  return changed
}

/** Values that are no functions may change by themselves, such as `RegExp.lastMatch`. */
function isChanged(before?: PropertyDescriptor, now?: PropertyDescriptor): boolean {
  if (!before || !now) return before !== now
  if (before.get !== now.get || before.set !== now.set) return true
  return typeof before.value === 'function' && before.value !== now.value
}
