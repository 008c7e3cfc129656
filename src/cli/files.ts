/**
 * `carillon backup`, `carillon restore` and `carillon openapi`: files.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readConfig, SETTINGS } from '../config/config'
import { messageOf } from '../core/errors'
import { backup } from '../store/backup'
import { restore } from '../store/restore'
import {
  JSON_OPTION,
  SERVER_OPTIONS,
  type Around,
  type CommandRow,
  type OptionRow,
} from './command'
import type { Given } from './surroundings'
import { CommandError, usageError } from './exits'
import { ProgressBar } from './progress-bar'

const DATABASE: OptionRow = ['--database <file>', 'the database (DATABASE_PATH)']

export const FILES: readonly CommandRow[] = [
  {
    name: 'backup',
    about: 'copy the database to a file, also while a server uses it',
    details:
      'The copy is consistent, checked, and for its owner only. It appears once it is whole.',
    arguments: [['<file>', 'the copy']],
    options: [['--overwrite', 'replace a file of that name'], DATABASE, JSON_OPTION],
    examples: [
      ['backup "carillon-$(date +%F).sqlite"', 'a copy of today'],
      ['backup copy.sqlite --database /var/lib/carillon.sqlite', 'of another database'],
    ],
    run: async (given, around) => {
      const to = resolve(around.folder, given.argument(0))
      const from = databaseOf(given, around)
      const bytes = await withProgress('backup', around, (options) =>
        backup(from, to, { ...options, overwrite: given.has('overwrite') }),
      )
      const { terminal } = around
      if (terminal.isJson) terminal.json({ file: to, bytes })
      else terminal.say(`${to} has ${showBytes(bytes)}`)
    },
  },
  {
    name: 'restore',
    about: 'put a backup in the place of a database that no server uses',
    details: 'What was there is kept under another name, which is shown.',
    arguments: [['<file>', 'the backup']],
    options: [DATABASE, JSON_OPTION],
    examples: [['restore carillon-2026-11-27.sqlite', 'after the server was stopped']],
    run: async (given, around) => {
      const to = databaseOf(given, around)
      const from = resolve(around.folder, given.argument(0))
      const restored = await withProgress('restore', around, (options) =>
        restore(from, to, options),
      )
      const { terminal } = around
      if (terminal.isJson) return terminal.json({ database: to, ...restored })
      terminal.say(`${to} is what ${from} was`)
      if (restored.kept === undefined) return
      if (terminal.isTerminal) terminal.say(`what was there is now ${restored.kept}`)
      else terminal.lines(restored.kept)
    },
  },
  {
    name: 'openapi',
    about: 'print the OpenAPI document of a server',
    options: [['--output <file>', 'write it to a file'], ...SERVER_OPTIONS],
    examples: [['openapi --output openapi.json', 'with the routes of its plugins']],
    run: async (given, { client, folder, terminal }) => {
      const answer = await client.fetch(client.target.adminPlace, '/swagger/json')
      if (answer.status === 404)
        throw new CommandError(
          'missing',
          'the server shows no document: CARILLON_SWAGGER may be off',
        )
      if (!answer.ok) throw new CommandError('failed', `refused with ${answer.status}`)
      const document: unknown = await answer.json()
      const file = given.text('output')
      if (file === undefined) terminal.json(document)
      else write(resolve(folder, file), `${JSON.stringify(document, null, 2)}\n`)
    },
  },
]

/** The file that `--database` or the settings name. @throws CommandError for a database in memory */
function databaseOf(given: Given, { env, folder }: Pick<Around, 'env' | 'folder'>): string {
  const path = given.text('database') ?? readConfig(env).databasePath
  if (path !== ':memory:') return resolve(folder, path)
  throw usageError(`${SETTINGS.databasePath.env}=:memory: is no file`)
}

type CopyOptions = {
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

async function withProgress<T>(
  what: string,
  { stderr, signal }: Pick<Around, 'stderr' | 'signal'>,
  run: (options: CopyOptions) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(what, stderr)
  try {
    return await run({ onProgress: (done, total) => bar.show(done, total), signal })
  } finally {
    bar.clear()
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw new CommandError('failed', `--output: ${messageOf(cause)}`)
  }
}

const showBytes = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
