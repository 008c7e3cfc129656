/**
 * A plugin that changes all that one of its hooks is shown: assigns, defines, deletes, empties lists, fills
 * bytes. Faults are its own business, so that nothing but what it has reached can be seen.
 */
import type { AnyPlugin, HookName } from 'carillon/plugin'
import { makePlugin } from '../harness'

export const vandal = (hook: HookName): AnyPlugin =>
  makePlugin('vandal', { [hook]: (...shown: unknown[]) => shown.forEach((each) => attack(each)) })

const attempt = (run: () => unknown): void => {
  try {
    run()
  } catch {
    // TypeError: it is read only
  }
}

const FORGED = 'forged'

/** Methods by which values change themselves, with arguments; their own and borrowed ones. */
const MUTATORS: readonly (readonly [name: string, ...args: unknown[]])[] = [
  ['set', 'authorization', FORGED],
  ['append', 'x-forged', FORGED],
  ['delete', 'host'],
  ['delete', 'token'],
  ['fill', 0],
  ['push', FORGED],
  ['pop'],
  ['reverse'],
]

export function attack(shown: unknown, seen = new Set<unknown>()): void {
  if (typeof shown !== 'object' || shown === null || seen.has(shown)) return
  seen.add(shown)
  const inner = namesOf(shown).map((name) => Reflect.get(shown, name) as unknown)
  for (const value of inner) attack(value, seen)
  for (const [name, ...args] of MUTATORS)
    for (const lender of [shown, Headers.prototype, URLSearchParams.prototype])
      attempt(() => Reflect.apply(Reflect.get(lender, name) as () => unknown, shown, args))
  for (const target of [shown, ownPrototypeOf(shown)]) {
    if (!target) continue
    for (const name of [...namesOf(shown), 'length', 'forged']) {
      attempt(() => Reflect.set(target, name, name === 'length' ? 0 : FORGED))
      attempt(() => Reflect.defineProperty(target, name, { get: () => FORGED, configurable: true }))
      attempt(() => Reflect.deleteProperty(target, name))
    }
  }
}

/** A prototype of the server's; those of the language are everybody's. */
function ownPrototypeOf(shown: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(shown)
  const name: unknown = Reflect.get(prototype ?? {}, 'constructor')?.['name' as never]
  return prototype instanceof Object && !(String(name) in globalThis) ? prototype : undefined
}

/** Names of all that can be read of a value: its own fields, and the getters of its class. */
export function namesOf(shown: object): string[] {
  const prototype = ownPrototypeOf(shown)
  const getters = prototype
    ? Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { get }]) =>
        get ? name : [],
      )
    : []
  return [...Object.keys(shown), ...getters]
}
