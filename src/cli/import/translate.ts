/**
 * Translates what was read from another server into apps and settings of ours, with an outcome for each line.
 */
import { readAppChanges } from '../../apps/fields'
import { slugOf } from '../../apps/slug'
import { withAliases } from '../../config/aliases'
import { ConfigError, readConfig, SECRETS } from '../../config/config'
import { foreignOf, meaningOf } from '../../config/foreign'
import { quote } from '../../core/errors'
import type { Fields } from '../apps-door'
import { mergeFields, type Carried, type Origin } from './field-rows'
import { lineOf, type AppEntries, type Entry, type Line, type Material } from './outcome'
import { isHoldable, type NewSetting } from './settings-file'

/** An app to be made: its fields as the admin API takes them. */
export type NewApp = {
  readonly place: string
  readonly id: string
  readonly fields: Fields
}

/** An app of which a field is wrong: nothing of it is imported. */
export type WrongApp = {
  readonly place: string
  /** Where it has none, its place stands for it. */
  readonly id: string
  readonly fields: readonly string[]
}

export type Translation = {
  readonly apps: readonly NewApp[]
  readonly wrong: readonly WrongApp[]
  readonly settings: readonly NewSetting[]
  readonly lines: readonly Line[]
}

export function translate(origin: Origin, { settings, apps, lines }: Material): Translation {
  const process = translateSettings(origin, settings)
  const translated = apps.map((app) => translateApp(origin, app))
  const { unique, lines: doubled } = withoutDoubles(translated.flatMap(({ app }) => app ?? []))
  return {
    apps: withSlugs(unique),
    wrong: translated.flatMap((app) => app.wrong ?? []),
    settings: process.settings,
    lines: [...lines, ...process.lines, ...translated.flatMap((app) => app.lines), ...doubled],
  }
}

// ---------------------------------------------------------------- settings

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

function translateSettings(
  origin: Origin,
  entries: readonly Entry[],
): Pick<Translation, 'settings' | 'lines'> {
  const all = [...entries, ...defaultsOf(origin, entries)]
  const given = Object.fromEntries(all.map(({ name, value }) => [name, textOf(value)]))
  const { env, foundAs } = withAliases(given, SECRETS)
  const wrong = findMistakes(given)
  const settings: NewSetting[] = []
  const lines = all.flatMap((entry): Line | [] => {
    const meaning = meaningOf(entry.name, given[entry.name]!, foreignOf(origin.name))
    if (!meaning) return []
    if ('idle' in meaning) return lineOf(entry, 'idle', meaning.idle)
    if ('instead' in meaning) return lineOf(entry, 'lost', meaning.instead)
    const { setting } = meaning
    const value = env[setting] ?? ''
    if (foundAs.get(setting) !== entry.name || value === '')
      return lineOf(entry, 'idle', 'changes nothing here')
    const mistake =
      entry.unclear ?? wrong.ofName.get(entry.name) ?? (isHoldable(value) ? undefined : UNHOLDABLE)
    if (mistake !== undefined) return lineOf(entry, 'mistake', mistake)
    const isSecret = SECRETS.includes(setting)
    settings.push({ name: setting, value, isSecret })
    return lineOf(entry, 'carried', `${setting}=${isSecret ? '(hidden)' : value}`)
  })
  const together = wrong.others.map((about): Line => ({
    place: 'settings',
    name: '',
    fate: 'mistake',
    about,
  }))
  return { settings, lines: [...lines, ...together] }
}

const UNHOLDABLE = 'no environment file can hold the value: set it in another way'

/** Only where the source has settings: a table of apps says nothing about the process. */
const defaultsOf = ({ title, defaults }: Origin, entries: readonly Entry[]): Entry[] =>
  entries.length === 0
    ? []
    : Object.entries(defaults).flatMap(([name, value]) =>
        entries.some((entry) => entry.name === name)
          ? []
          : { place: `${title}'s default`, name, value },
      )

/**
 * A mistake without the value that was read: name and place say which one it is, and where a line end was lost it may
 * hold the secret of the next line.
 */
const withoutValue = (mistake: string): string =>
  mistake.replace(/^.*?(?:: |; |, which is )(?=expected )/s, '')

/** What is wrong with the values: by the names that they are read under, and with several together. */
function findMistakes(given: Readonly<Record<string, string>>): {
  readonly ofName: ReadonlyMap<string, string>
  readonly others: readonly string[]
} {
  try {
    readConfig(given)
    return { ofName: new Map(), others: [] }
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    const nameIn = (mistake: string): string => mistake.slice(0, mistake.indexOf('='))
    const isOfName = (mistake: string): boolean => nameIn(mistake) in given
    return {
      ofName: new Map(
        cause.mistakes.filter(isOfName).map((line) => [nameIn(line), withoutValue(line)]),
      ),
      others: cause.mistakes.filter((line) => !isOfName(line)),
    }
  }
}

// ---------------------------------------------------------------- apps

type TranslatedApp = {
  readonly lines: readonly Line[]
  readonly app?: NewApp
  readonly wrong?: WrongApp
}

function translateApp(origin: Origin, { place, entries }: AppEntries): TranslatedApp {
  const lines: Line[] = []
  let fields: Fields = {}
  const take = (entry: Entry, carried: Carried): void => {
    if ('fields' in carried) {
      const mistake = entry.unclear ?? mistakeIn(carried.fields)
      if (mistake !== undefined) return void lines.push(lineOf(entry, 'mistake', mistake))
      fields = mergeFields(fields, carried.fields)
      lines.push(lineOf(entry, 'carried', carried.as ?? 'as it is'))
      for (const instead of carried.lost ?? []) lines.push(lineOf(entry, 'lost', instead))
    } else if ('mistake' in carried) lines.push(lineOf(entry, 'mistake', carried.mistake))
    else if ('lost' in carried) lines.push(lineOf(entry, 'lost', carried.lost))
    else lines.push(lineOf(entry, 'idle', carried.idle))
  }
  for (const entry of entries) {
    const row = origin.fields.find(
      ({ names, env }) => names.includes(entry.name) || env === entry.name,
    )
    take(entry, row?.carry(entry.value) ?? { lost: 'no such field is known' })
  }
  for (const { names, env, absent, carry } of origin.fields) {
    const isGiven = entries.some(({ name }) => names.includes(name) || name === env)
    if (absent === undefined || isGiven) continue
    take(
      { place: `${place} (${origin.title}'s default)`, name: names[0]!, value: absent },
      carry(absent),
    )
  }
  const { id, key, secret } = fields as { id?: string; key?: string; secret?: string }
  for (const [name, value] of Object.entries({ id, key, secret }))
    if (value === undefined && !lines.some((line) => line.fate === 'mistake'))
      lines.push({ place, name, fate: 'mistake', about: 'is missing' })
  const wrong = lines.flatMap(({ fate, name }) => (fate === 'mistake' ? name : []))
  if (wrong.length > 0) return { wrong: { place, id: id ?? place, fields: wrong }, lines }
  return { app: { place, id: id!, fields: { name: `App ${id}`, ...fields } }, lines }
}

/** Where an endpoint is; name, password, path and query may hold secrets. */
const showHost = (raw: unknown): string =>
  typeof raw === 'string' && URL.canParse(raw) ? `of ${quote(new URL(raw).host)}` : '(hidden)'

/** What the server would say of them; hosts and settings of plugins are checked by itself. */
export function mistakeIn(fields: Fields): string | undefined {
  const [first] = Object.entries(readAppChanges(fields, 'create', { showUrl: showHost }).errors)
  return first && `${first[0]} ${first[1].join(', ').replace(/: .*(?=; expected )/s, '')}`
}

/** Of apps with an id or key that an earlier one has only a line is left; the same app twice is none the worse. */
function withoutDoubles(apps: readonly NewApp[]): {
  readonly unique: readonly NewApp[]
  readonly lines: readonly Line[]
} {
  const owners = new Map<string, NewApp>()
  const lines: Line[] = []
  const unique = apps.filter((app) => {
    const { place, id } = app
    const names = { id, key: String(app.fields['key']) }
    for (const [name, value] of Object.entries(names)) {
      const owner = owners.get(`${name} ${value}`)
      if (!owner) continue
      const isSame = Bun.deepEquals(owner.fields, app.fields)
      const about = isSame
        ? `is the app at ${owner.place}`
        : `${value} is that of the app at ${owner.place}, which is imported`
      lines.push({ place, name, fate: isSame ? 'idle' : 'mistake', about })
      return false
    }
    for (const [name, value] of Object.entries(names)) owners.set(`${name} ${value}`, app)
    return true
  })
  return { unique, lines }
}

/** Names are unique here, and so are slugs, which ids that differ in their signs only would share. */
function withSlugs(apps: readonly NewApp[]): readonly NewApp[] {
  const names = new Set<string>()
  const slugs = new Map<string, number>()
  return apps.map((app) => {
    const given = String(app.fields['name'])
    const name = names.has(given) ? `${given} ${app.id}` : given
    const slug = slugOf(name)
    const count = (slugs.get(slug) ?? 0) + 1
    names.add(name)
    slugs.set(slug, count)
    const more = count === 1 ? {} : { slug: `${slug}-${count}` }
    return { ...app, fields: { ...app.fields, name, ...more } }
  })
}
