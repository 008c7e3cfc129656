/**
 * `carillon apps`: the apps of a server, or of a database file while no server uses it. Secrets are shown where
 * they are made, and elsewhere only with `--secrets`.
 */
import { MASK, withoutSecrets } from '../apps/masks'
import type { AppResource } from '../apps/resource'
import { FIELD_OPTIONS, readFields } from './app-fields'
import { appsOfServer, type AppsDoor, type Fields } from './apps-door'
import {
  DATABASE_OPTION,
  SERVER_OPTIONS,
  type Around,
  type CommandRow,
  type OptionRow,
} from './command'
import type { Given } from './surroundings'
import { CommandError, usageError } from './exits'
import type { Terminal } from './terminal'
import { showTime } from './times'

const OPTIONS = [DATABASE_OPTION, ...SERVER_OPTIONS]
const SECRETS: OptionRow = ['--secrets', 'show secrets, too']
const SLUG = ['<slug>', 'slug or id of the app'] as const

export const APPS: readonly CommandRow[] = [
  {
    name: 'apps list',
    about: 'list the apps, inactive ones too',
    options: [SECRETS, ...OPTIONS],
    examples: [
      ['apps list', 'id, slug, name, newest key and state of each'],
      ['apps list --json | jq -r ".[].slug"', 'the slugs alone'],
      ['apps list --database data/carillon.sqlite', 'while the server is stopped'],
    ],
    run: (given, around) =>
      withApps(given, around, async (apps) => {
        const all = await apps.list()
        const shown = all.map((app) => maskApp(app, given.has('secrets')))
        const { terminal } = around
        if (terminal.isJson) return terminal.json(shown)
        const secret = given.has('secrets') ? ['SECRET'] : []
        terminal.table(
          ['ID', 'SLUG', 'NAME', 'KEY', ...secret, 'STATE'].map((title) => ({ title })),
          shown.map((app) => [
            app.id,
            app.slug,
            app.name,
            app.key,
            ...secret.map(() => app.secret),
            app.active ? 'active' : 'inactive',
          ]),
          'no apps; `carillon apps create NAME` makes one',
        )
      }),
  },
  {
    name: 'apps show',
    about: 'show an app',
    arguments: [SLUG],
    options: [SECRETS, ...OPTIONS],
    examples: [
      ['apps show test-app', 'all of its fields, secrets hidden'],
      ['apps show test-app --secrets', 'with its secrets'],
    ],
    run: (given, around) =>
      withApps(given, around, async (apps) =>
        printApp(
          around.terminal,
          maskApp(await apps.show(given.argument(0)), given.has('secrets')),
        ),
      ),
  },
  {
    name: 'apps create',
    about: 'create an app; its secret is shown',
    details: 'Id, slug, key and secret are made where they are not given. It is live at once.',
    arguments: [['<name>', 'its name, 5 to 255 characters']],
    options: [...FIELD_OPTIONS, ...OPTIONS],
    examples: [
      ['apps create "My shop"', 'an app with a key and a secret of its own'],
      ['apps create moved --set id=3 --fields secrets.json', 'an app that keeps key and secret'],
    ],
    run: (given, around) =>
      withApps(given, around, async (apps) => {
        const fields = { ...(await readFields(given, around)), name: given.argument(0) }
        printApp(around.terminal, await apps.create(fields))
      }),
  },
  {
    name: 'apps update',
    about: 'change an app; what is not named stays',
    details: 'A new name makes a new slug. `active=false` closes the connections of the app.',
    arguments: [SLUG],
    options: [...FIELD_OPTIONS, ...OPTIONS],
    examples: [
      ['apps update my-shop --set active=false', 'nobody connects to it any more'],
      [`apps update my-shop --set 'limits={"max_presence_members":500}'`, 'a limit of its own'],
    ],
    run: (given, around) =>
      withApps(given, around, async (apps) => {
        const fields = await readFields(given, around)
        if (Object.keys(fields).length === 0)
          throw usageError('nothing to change: --set or --fields says what')
        printApp(around.terminal, maskApp(await apps.change(given.argument(0), fields), false))
      }),
  },
  {
    name: 'apps rotate',
    about: 'add a second pair of key and secret; both are live',
    details: 'Retire the older one when nobody uses it any more.',
    arguments: [SLUG],
    options: OPTIONS,
    examples: [['apps rotate my-shop', 'shows the new pair']],
    run: (given, around) =>
      withApps(given, around, async (apps) => {
        const { id, slug, key, secret } = await apps.rotate(given.argument(0))
        printFields(around.terminal, { id, slug, key, secret })
      }),
  },
  {
    name: 'apps retire',
    about: 'retire a pair of key and secret; connections that came with it stay',
    arguments: [SLUG, ['<key>', 'key of the pair']],
    options: OPTIONS,
    examples: [['apps retire my-shop 5b0f5c1e-1f0c-4a52', 'requests with that key are refused']],
    run: (given, around) =>
      withApps(given, around, async (apps) =>
        printApp(
          around.terminal,
          maskApp(await apps.retire(given.argument(0), given.argument(1)), false),
        ),
      ),
  },
  {
    name: 'apps delete',
    about: 'delete an app; its connections are closed',
    details: 'A terminal is asked first. Elsewhere it needs --yes.',
    arguments: [SLUG],
    options: [['--yes', 'do not ask'], ...OPTIONS],
    examples: [['apps delete my-shop --yes', 'without a question']],
    run: (given, around) =>
      withApps(given, around, async (apps) => {
        const app = await apps.show(given.argument(0))
        if (!given.has('yes')) await confirm(app, around)
        await apps.remove(String(app.id))
        const { terminal } = around
        if (terminal.isJson) terminal.json({ deleted: app.id })
        else terminal.say(`${app.slug} is deleted`)
      }),
  },
]

/** Runs with the apps that are meant, of the server or of the file that `--database` names. */
async function withApps(
  given: Given,
  { client, env, folder }: Around,
  run: (apps: AppsDoor) => Promise<void>,
): Promise<void> {
  const file = given.text('database')
  if (file === undefined) return await run(appsOfServer(client))
  const { openOffline } = await import('./offline')
  using offline = await openOffline(file, { env, folder })
  await run(offline.apps)
}

/** @throws CommandError unless a person types the slug */
async function confirm({ slug }: AppResource, { ask }: Around): Promise<void> {
  if (!ask)
    throw usageError(
      `${slug} is deleted with all that belongs to it: --yes says that this is meant`,
    )
  const typed = await ask(`Type ${slug} to delete it: `)
  if (typed.trim() !== slug) throw new CommandError('failed', 'nothing is deleted')
}

// ---------------------------------------------------------------- printing

/** Without what only its owner should see. */
const maskApp = (app: AppResource, hasSecrets: boolean): AppResource =>
  hasSecrets ? app : { ...withoutSecrets(app), secret: MASK }

const printApp = (terminal: Terminal, app: AppResource): void =>
  printFields(terminal, app as unknown as Fields)

/** Lists and objects are JSON; what is empty is not shown to people. */
function printFields(terminal: Terminal, fields: Fields): void {
  if (terminal.isJson) return terminal.json(fields)
  const entries = Object.entries(fields).map(
    ([name, value]) => [name, showField(name, value)] as const,
  )
  const isEmpty = (value: string): boolean => ['', '[]', '{}'].includes(value)
  terminal.fields(terminal.isTerminal ? entries.filter(([, value]) => !isEmpty(value)) : entries)
}

function showField(name: string, value: unknown): string {
  if (name.endsWith('_at') && typeof value === 'number') return showTime(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
}
