/**
 * Apps in a database file that no server uses: the same checks as the admin API's, by the configuration file of this
 * folder. The file is locked meanwhile, as a server locks it.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  addPair,
  draftApp,
  draftChange,
  retirePair,
  type ChangeContext,
  type Draft,
  type KeyChange,
} from '../apps/changes'
import type { FieldErrors } from '../apps/fields'
import { resourceOf } from '../apps/resource'
import { readConfig } from '../config/config'
import { loadConfigFile } from '../config/config-file'
import type { App, AppRecord } from '../core/app'
import type { Action, Actor, Deed } from '../core/audit'
import { Apps, type AppChange } from '../core/apps'
import { newCounters, newTallies } from '../core/counters'
import type { Log } from '../core/types'
import { findEnforced } from '../plugin-checks'
import { appStore } from '../store/apps'
import { lockDatabase, TIE_MS } from '../store/files'
import { detach } from '../store/mirror'
import { openDatabase } from '../store/sqlite'
import type { AppsDoor } from './apps-door'
import type { Surroundings } from './surroundings'
import { CommandError } from './exits'

type Offline = Disposable & { readonly apps: AppsDoor }

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/**
 * Locks and opens a database; one that is not there is made where that is meant.
 * @throws CommandError where a server uses it, StoreError where it cannot be used
 */
export async function openOffline(
  file: string,
  { env, folder }: Pick<Surroundings, 'env' | 'folder'>,
  whenMissing: 'fails' | 'is made' = 'fails',
): Promise<Offline> {
  const path = resolve(folder, file)
  if (whenMissing === 'fails' && !existsSync(path))
    throw new CommandError('missing', `--database: there is no file ${path}`)
  const config = readConfig(env)
  const { plugins } = await loadConfigFile(config.configFile, folder)
  const unlock = lockDatabase(path, TIE_MS)
  if (!unlock)
    throw new CommandError(
      'unreachable',
      `${path} is in use by a server: leave --database out, and the server makes the change`,
    )
  using undo = new DisposableStack()
  undo.defer(unlock)
  const db = openDatabase(path)
  undo.defer(() => db.close())
  const { limits } = config
  const options = {
    limits,
    log: SILENT,
    counters: newCounters(),
    tallies: newTallies(),
    provided: [],
    defaultAppId: undefined,
  }
  const stored = new Apps(appStore(db), options)
  const context = { apps: stored, limits, enforced: findEnforced(plugins) }
  const apps = openApps(context, (change) => {
    detach(db)
    stored.apply(change, Date.now())
  })
  return Object.assign(undo.move(), { apps })
}

/** Who changes the file, as the audit has it. */
const OPERATOR: Actor = {
  kind: 'user',
  id: undefined,
  name: `uid ${process.getuid?.() ?? 0}`,
  address: 'command line',
  requestId: undefined,
}
const deedOf = (action: Action): Deed => ({ by: OPERATOR, action })

function openApps(context: ChangeContext, apply: (change: AppChange) => void): AppsDoor {
  const { apps } = context
  const appOf = (slug: string): App => {
    const app = apps.bySlug(slug) ?? apps.byId(slug)
    if (!app) throw new CommandError('missing', `the app ${slug} is not there`)
    return app
  }
  const save = (app: App, record: AppRecord, action: Action) => {
    apply({ type: 'change', record, deed: deedOf(action) })
    return resourceOf(appOf(app.id))
  }
  return {
    list: async () => Array.from(apps.all(), resourceOf),
    show: async (slug) => resourceOf(appOf(slug)),
    create: async (fields) => {
      const record = requireValid(draftApp(context, fields))
      apply({ type: 'create', record, deed: deedOf('app.created') })
      return resourceOf(appOf(record.id))
    },
    change: async (slug, fields) => {
      const app = appOf(slug)
      return save(app, requireValid(draftChange(context, app, fields)), 'app.changed')
    },
    rotate: async (slug) => {
      const app = appOf(slug)
      return save(app, requireSound(addPair(app)), 'key.added')
    },
    retire: async (slug, key) => {
      const app = appOf(slug)
      const change = retirePair(app, key)
      if (!change) throw new CommandError('missing', `the app ${slug} has no key ${key}`)
      return save(app, requireSound(change), 'key.retired')
    },
    remove: async (slug) => {
      const { id } = appOf(slug)
      apply({ type: 'remove', id, deed: deedOf('app.deleted') })
    },
  }
}

/** @throws CommandError */
function requireValid({ record, errors }: Draft): AppRecord {
  if (Object.keys(errors).length > 0) throw refused(errors)
  return record
}

/** @throws CommandError */
function requireSound(change: KeyChange): AppRecord {
  if ('errors' in change) throw refused(change.errors)
  return change
}

const refused = (errors: FieldErrors): CommandError =>
  new CommandError(
    'failed',
    `refused: ${Object.entries(errors)
      .map(([field, mistakes]) => `${field} ${mistakes.join(', ')}`)
      .join('; ')}`,
  )
