/**
 * Setting: one row of SETTINGS, and the readers of values.
 */
import { isIP, isIPv6 } from 'node:net'
import { UNIX_PEER } from '../core/addresses'

export type Environment = Readonly<Record<string, string | undefined>>

/** An environment in our own names, with the variable that a value is from where that has another name. */
export type AliasedEnvironment = {
  readonly env: Environment
  readonly foundAs: ReadonlyMap<string, string>
}

/** Reads a value, or undefined where the text is not one. */
type Read<T> = (text: string) => T | undefined

export type Setting<T> = {
  readonly env: string
  readonly default: T
  readonly read: Read<T>
  /** What a value must be, for the error message. */
  readonly expected: string
  /** What is wrong with a value, where that is more exact than `expected`. */
  readonly mistake?: (text: string) => string
  readonly about: string
  /** Never shown, not even when it is wrong; `<env>_FILE` may name a file that holds it. */
  readonly secret?: boolean
}

export const text =
  (pattern: RegExp): Read<string> =>
  (value) =>
    pattern.test(value) ? value : undefined

/** A name or an address by itself: no scheme, no brackets, no port, and nothing that a name cannot have. */
export const hostAlone: Read<string> = (value) =>
  isIPv6(value) || /^[\w-]+(?:\.[\w-]+)*\.?$/.test(value) ? value : undefined

/** Values that are separated by commas, all of a kind. */
const listOf =
  (isOfKind: (part: string) => boolean): Read<readonly string[]> =>
  (value) => {
    const parts = value.split(',').map((part) => part.trim())
    return parts.every(isOfKind) ? parts : undefined
  }

/** Origins: scheme, host and port, as browsers send them. */
export const origins = listOf((part) => URL.canParse(part) && new URL(part).origin === part)

const lowerCaseNames = listOf((part) => /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/.test(part))
/** Host names, in lower case. */
export const hostNames: Read<readonly string[]> = (value) => lowerCaseNames(value.toLowerCase())

/** Addresses, and networks as `10.0.0.0/8`. */
export const networks = listOf(isNetwork)

/** Networks, and `unix`, since who connects through a unix socket has no address. */
export const proxies = listOf((part) => part === UNIX_PEER || isNetwork(part))

function isNetwork(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** Our own paths, which answer without the prefix: with such a prefix they would be looked for below it. */
const OWN_PATH =
  /^\/(?:api(?:\/(?:admin|apps|push))?|console|plugins|swagger|up|ready|accept-traffic)\/?$/
/** No part is dots alone: clients resolve those before they send a path. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*$/

/** Begins with a slash and ends with none. */
export const pathPrefix = (value: string): string | undefined =>
  OWN_PATH.test(value) ? undefined : text(PATH)(value.replace(/\/$/, ''))

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false }
export const boolean: Read<boolean> = (value) =>
  Object.hasOwn(BOOLEANS, value) ? BOOLEANS[value] : undefined

export const setting = <T>(row: Setting<T>): Setting<T> => row
/** Networks, none where it is not set. */
export const networkList = (env: string, about: string) =>
  setting<readonly string[]>({
    env,
    default: [],
    read: networks,
    expected: 'addresses and networks like 10.0.0.0/8, separated by commas',
    about,
  })

type NumberRange = Readonly<Record<'default' | 'min' | 'max', number>>
/** An integer from `min` to `max`. */
export const number = (env: string, { default: value, min, max }: NumberRange, about: string) =>
  setting<number>({
    env,
    default: value,
    read: (text) => {
      const given = /^\d+$/.test(text) ? Number(text) : Number.NaN
      return given >= min && given <= max ? given : undefined
    },
    expected: `an integer from ${min} to ${max}`,
    about,
  })
/** A port beside the public one; none if absent, 0 takes a free one. */
export const optionalPort = (env: string, about: string) =>
  setting<number | undefined>({
    env,
    default: undefined,
    read: (given) =>
      /^\d{1,5}$/.test(given) && Number(given) <= 65_535 ? Number(given) : undefined,
    expected: 'an integer from 0 to 65535',
    about,
  })

export const optional = (
  env: string,
  pattern: RegExp,
  expected: string,
  about: string,
  secret = false,
) =>
  setting<string | undefined>({
    env,
    default: undefined,
    read: text(pattern),
    expected,
    about,
    secret,
  })
