/**
 * `carillon import`: apps and settings of another server, from its configuration, environment or database, to a server
 * or to a database file that no server uses. What cannot be carried over is said line by line.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { appsOfServer, type AppsDoor, type Fields } from './apps-door'
import { readFields, FIELD_OPTIONS } from './app-fields'
import {
  DATABASE_OPTION,
  SERVER_OPTIONS,
  type Around,
  type CommandRow,
  type OptionRow,
} from './command'
import { EXITS, usageError } from './exits'
import { applyApps, STATES, type Verdict } from './import/apply'
import { readMaterial } from './import/material'
import type { Origin } from './import/field-rows'
import { lineOf, type AppEntries, type Entry, type Material } from './import/outcome'
import { PUSHER } from './import/pusher'
import { printReport } from './import/report'
import { REVERB } from './import/reverb'
import { checkSettings, writeSettings } from './import/settings-file'
import { SOKETI } from './import/soketi'
import { readSource } from './import/source-file'
import type { NewApp, Translation, WrongApp } from './import/translate'
import type { Given } from './surroundings'

const FILES = [
  '<file...>',
  'files of it: the kind is told from the name, else from the content; - is standard input',
] as const

const OPTIONS: readonly OptionRow[] = [
  ['--dry-run', 'show what would be done, and change nothing'],
  ['--replace', 'overwrite apps that are there with other values'],
  ['--settings <file>', 'write the settings of the process to a file, and do not print them'],
  ['--force', 'replace that file'],
  DATABASE_OPTION,
  ...SERVER_OPTIONS,
]

export const IMPORT: readonly CommandRow[] = [
  {
    name: 'import soketi',
    about: 'take over apps and settings of soketi',
    details:
      'From its configuration file, its .env, an export of its table of apps (SQL, CSV, JSON), or with --connect from the table itself. Says of each line what became of it.',
    arguments: [FILES],
    options: [
      ['--connect', 'read the apps from the MySQL or PostgreSQL that the files name'],
      ['--table <name>', 'the table of apps in a dump (apps)'],
      ...OPTIONS,
    ],
    examples: [
      [
        'import soketi soketi.json --database data/carillon.sqlite --dry-run',
        'what would come of it',
      ],
      [
        'import soketi .env apps.sql --settings carillon.env',
        'apps of a dump, and the settings to a file',
      ],
      ['import soketi .env --connect', 'apps of its database, to the server that runs here'],
    ],
    run: (given, around) => run(SOKETI, given, around),
  },
  {
    name: 'import reverb',
    about: 'take over apps and settings of Laravel Reverb',
    details: 'From the .env of the application, or from its configuration as JSON.',
    arguments: [FILES],
    options: OPTIONS,
    examples: [
      ['import reverb .env --database data/carillon.sqlite', 'the app of a .env'],
      ['import reverb reverb.json --dry-run', 'all apps of a configuration'],
    ],
    run: (given, around) => run(REVERB, given, around),
  },
  {
    name: 'import pusher',
    about: 'take over an app of Pusher with its id, key and secret',
    details:
      'From the .env of the application, or from options. Webhooks are in the dashboard of Pusher, and are named here.',
    arguments: [['[file...]', 'environment files, or a JSON list of apps; - is standard input']],
    options: [
      ['--app-id <id>', 'its id, where no file has it'],
      ['--key <key>', 'its key'],
      ['--secret-file <file>', 'a file with its secret, - is standard input'],
      ['--webhook <url...>', 'an endpoint of webhooks; may be repeated'],
      ['--events <types>', 'what they are told, separated by commas; everything if absent'],
      ...FIELD_OPTIONS,
      ...OPTIONS,
    ],
    examples: [
      ['import pusher .env --database data/carillon.sqlite', 'the app of a .env'],
      ['import pusher .env --webhook https://example.org/hook', 'with a webhook'],
    ],
    run: async (given, around) => run(PUSHER, given, around, await givenApp(given, around)),
  },
]

async function run(
  origin: Origin,
  given: Given,
  around: Around,
  extra?: GivenApp,
): Promise<number> {
  const sources = []
  for (const file of given.several(0)) sources.push(await readSource(file, around))
  const read = readMaterial(origin, sources, given.text('table'))
  const material = given.has('connect') ? await connect(read) : read
  const apps = [...material.apps, ...(extra?.apps ?? [])]
  const { mistakeIn, translate } = await import('./import/translate') // loads what checks fields of apps
  const translation = withFields(translate(origin, { ...material, apps }), mistakeIn, extra?.fields)
  return await perform(translation, given, around)
}

/** With the apps of the table that the files name. @throws CommandError */
async function connect(read: Material): Promise<Material> {
  const { readTable } = await import('./import/sql-tables')
  const apps = await readTable(read)
  const isDriver = ({ name }: Entry): boolean => name === 'SOKETI_APP_MANAGER_DRIVER'
  const lines = read.settings
    .filter(isDriver)
    .map((entry) => lineOf(entry, 'idle', 'its table was read'))
  return {
    settings: read.settings.filter((entry) => !isDriver(entry)),
    apps: [...read.apps, ...apps],
    lines: [...read.lines, ...lines],
  }
}

async function perform(translation: Translation, given: Given, around: Around): Promise<number> {
  const { lines, settings, apps, wrong } = translation
  const file = settings.length === 0 || given.has('dry-run') ? undefined : given.text('settings')
  const path = resolve(around.folder, file ?? '')
  // Before anything is changed.
  const state = file === undefined ? file : checkSettings(path, settings, given.has('force'))
  const verdicts = [...(await apply(apps, given, around)), ...wrong.map(verdictOf)]
  if (state === 'missing') writeSettings(path, settings)
  const settingsFile = state && { path, state: state === 'missing' ? 'written' : state }
  printReport(around.terminal, { lines, verdicts, settings, settingsFile })
  const isNothing = verdicts.length === 0 && settings.length === 0
  if (isNothing) around.terminal.note('there was no app and no setting to import')
  const isWrong =
    isNothing ||
    verdicts.some((verdict) => STATES[verdict.state].isWrong) ||
    lines.some(({ fate }) => fate === 'mistake')
  return isWrong ? EXITS.failed.code : EXITS.done.code
}

const verdictOf = ({ place, id, fields }: WrongApp): Verdict => ({
  id,
  place,
  state: 'wrong',
  about: `wrong: ${[...new Set(fields)].join(', ')}`,
})

/** Works on the file that `--database` names, else on a server. */
async function apply(
  translated: readonly NewApp[],
  given: Given,
  { client, env, folder }: Around,
): Promise<readonly Verdict[]> {
  if (translated.length === 0) return []
  const isDryRun = given.has('dry-run')
  const applyTo = async (apps: AppsDoor): Promise<readonly Verdict[]> => {
    const options = { door: isDryRun ? undefined : apps, replaces: given.has('replace') }
    return await applyApps(translated, await apps.list(), options)
  }
  const file = given.text('database')
  if (file === undefined) return await applyTo(appsOfServer(client))
  if (isDryRun && !existsSync(resolve(folder, file)))
    return await applyApps(translated, [], { door: undefined, replaces: false })
  const { openOffline } = await import('./offline')
  using offline = await openOffline(file, { env, folder }, 'is made')
  return await applyTo(offline.apps)
}

// ---------------------------------------------------------------- options of one app

type GivenApp = {
  readonly apps: readonly AppEntries[]
  /** Fields that files of the source have not. */
  readonly fields: Fields
}

/** The app and the fields that options name. @throws CommandError */
async function givenApp(given: Given, around: Around): Promise<GivenApp> {
  const secretFile = given.text('secret-file')
  const values = {
    id: given.text('app-id'),
    key: given.text('key'),
    secret:
      secretFile === undefined ? undefined : (await readSource(secretFile, around)).text.trim(),
  }
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : { place: 'options', name, value },
  )
  const urls = given.texts('webhook')
  const types = given.text('events')?.split(',')
  if (types && urls.length === 0) throw usageError('--events says what a --webhook is told')
  const webhooks = urls.map((url) => ({ url, ...(types && { event_types: types }) }))
  return {
    apps: entries.length === 0 ? [] : [{ place: 'options', entries }],
    fields: { ...(await readFields(given, around)), ...(urls.length > 0 && { webhooks }) },
  }
}

/** @throws CommandError for fields without the one app that they are of, and for wrong ones */
function withFields(
  translation: Translation,
  mistakeIn: (fields: Fields) => string | undefined,
  fields: Fields = {},
): Translation {
  if (Object.keys(fields).length === 0) return translation
  const [app, ...others] = translation.apps
  if (!app || others.length > 0)
    throw usageError(`options are of one app, and there are ${translation.apps.length}`)
  const mistake = mistakeIn(fields)
  if (mistake !== undefined) throw usageError(mistake)
  return { ...translation, apps: [{ ...app, fields: { ...app.fields, ...fields } }] }
}
