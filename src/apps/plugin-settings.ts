/**
 * The settings that plugins take for an app, `{ [plugin]: { ... } }`, each checked by the schema that its plugin
 * declares. They are kept as they were given; defaults are filled in where the plugin reads them. Settings of a
 * plugin that is not loaded are kept and shown: they may be removed, and nothing else, since nobody can check them.
 */
import { Kind, type TObject, type TUnion } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/errors'
import { Value } from '@sinclair/typebox/value'
import type { AppOverrides, AppRecord } from '../core/app'
import { quote } from '../core/errors'
import { isRecord, jsonOf, parseJson } from '../core/json'
import { freezeDeep } from '../core/read-only'
import { invalid, mistake, value, type Reading } from './reading'

/** Settings of one plugin for one app, as JSON. They are checked in one turn of the event loop. */
export const MAX_SETTINGS_BYTES = 16_384

/** By the name of the plugin. */
export type SettingsSchemas = ReadonlyMap<string, TObject>

/** Settings replace those of a plugin, null removes them. */
export type SettingsChanges = NonNullable<AppOverrides['plugins']>

export const isSettingsSchema = (given: unknown): given is TObject =>
  isRecord(given) && (given as Partial<TObject>)[Kind] === 'Object'

/** The schemas of plugins; an object without `additionalProperties` has no others, so that misspelt names are mistakes. */
export function settingsSchemas(
  plugins: readonly { readonly name: string; readonly settings?: TObject }[],
): SettingsSchemas {
  const schemas = plugins.flatMap(({ name, settings: schema }) =>
    isSettingsSchema(schema) ? [[name, { additionalProperties: false, ...schema }] as const] : [],
  )
  return new Map(schemas)
}

/** Reads changes of an app that has `kept`. A form may send the settings of a plugin as the text of their JSON. */
export function settings(
  raw: unknown,
  schemas: SettingsSchemas,
  kept: AppRecord['plugins'],
): Reading<SettingsChanges> {
  if (!isRecord(raw)) return invalid(raw, 'an object')
  const changes: [plugin: string, settings: SettingsChanges[string]][] = []
  for (const [name, sent] of Object.entries(raw)) {
    const given = sent === '' ? null : typeof sent === 'string' ? parseJson(sent) : sent
    const before = Object.hasOwn(kept, name) ? kept[name] : undefined
    const schema = schemas.get(name)
    const wrong = schema ? mistakeIn(name, schema, given) : unchecked(name, schemas, given, before)
    if (wrong !== undefined) return mistake(wrong)
    changes.push([name, given as SettingsChanges[string]])
  }
  return value(Object.fromEntries(changes))
}

/** What is wrong with settings that no loaded plugin checks, if anything. */
function unchecked(
  name: string,
  schemas: SettingsSchemas,
  given: unknown,
  before: unknown,
): string | undefined {
  const known = [...schemas.keys()].join(', ') || 'none'
  if (before === undefined)
    return `has settings of ${quote(name)}, which is no loaded plugin that takes any; those that do are ${known}`
  if (given === null || Bun.deepEquals(given, before)) return undefined
  return `has other settings of ${quote(name)} than before, which is not loaded: null removes them`
}

/** Names the setting and what it has to be, not its value: a log may show the mistake, and the value be a secret. */
function mistakeIn(name: string, schema: TObject, given: unknown): string | undefined {
  if (given === null) return undefined
  if (!isRecord(given)) return `has ${name} that is no object of settings`
  const json = jsonOf(given)
  if (json === undefined) return `has ${name} that is nested too deep`
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_SETTINGS_BYTES)
    return `has ${name} with ${bytes} bytes as JSON; the limit is ${MAX_SETTINGS_BYTES}`
  const first = Value.Errors(schema, complete(schema, given)).First()
  if (!first) return undefined
  const place = `${name}${first.path.replaceAll('/', '.')}`
  return `has a wrong ${quote(place)}: ${describe(first)}`
}

/** What a setting has to be. The library calls a choice of constants a union. */
function describe({ schema, message }: ValueError): string {
  const { anyOf: choices } = schema as Partial<TUnion>
  if (choices?.every((choice) => 'const' in choice))
    return `expected one of ${choices.map((choice) => JSON.stringify(choice.const)).join(', ')}`
  return message.charAt(0).toLowerCase() + message.slice(1)
}

/** A copy with the defaults of the schema. */
const complete = (schema: TObject, given: unknown): unknown =>
  Value.Default(schema, structuredClone(given))

/** How a plugin reads what an app has for it: frozen, with defaults, read once for as long as they do not change. */
export type ReadSettings = (record: Pick<AppRecord, 'id' | 'plugins'>) => unknown

/**
 * The function returns undefined for an app without such settings. It throws for some that an earlier schema let
 * pass, and this one does not.
 */
export function settingsReader(name: string, schemas: SettingsSchemas): ReadSettings {
  const readings = new WeakMap<object, Reading<unknown>>()
  return ({ id, plugins }) => {
    const schema = schemas.get(name)
    if (!schema) throw new Error(`the plugin ${name} declares no settings`)
    const own = Object.hasOwn(plugins, name) ? plugins[name] : undefined
    if (own === undefined) return undefined
    const reading = readings.getOrInsertComputed(own, () => {
      const wrong = mistakeIn(name, schema, own)
      return wrong === undefined ? value(freezeDeep(complete(schema, own))) : mistake(wrong)
    })
    if ('mistake' in reading) throw new Error(`plugins of app ${id} ${reading.mistake}`)
    return reading.value
  }
}

/** What is wrong with settings that an app has already: their plugin may have changed its schema since. */
export function staleSettings(
  { plugins }: Pick<AppRecord, 'plugins'>,
  schemas: SettingsSchemas,
): readonly string[] {
  return Object.entries(plugins).flatMap(([name, own]) => {
    const schema = schemas.get(name)
    return (schema && mistakeIn(name, schema, own)) ?? []
  })
}
