/**
 * The admin API: creates, lists, shows, changes and deletes apps, and rotates their keys. Shapes are
 * the seed's (`{"data":{...}}`, `{"errors":{...}}`) and only grow. Spec: phoenix contract 2.1 to 2.3.
 */
import type { App, AppRecord } from '../core/app'
import type { Uploads } from '../core/uploads'
import { Elysia } from 'elysia'
import { changeApp, createApp, removeApp } from '../core/app-changes'
import type { Core } from '../core/core'
import { RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import {
  addPair,
  draftApp,
  draftChange,
  manyKeys,
  NO_KEYS,
  retirePair,
  type Draft,
  type KeyChange,
} from '../apps/changes'
import type { Enforced } from '../apps/fields'
import { withoutSecrets } from '../apps/masks'
import { resourceOf } from '../apps/resource'
import { FieldError } from './errors'
import { readBody } from './form'
import { DATA_ENVELOPE, respondWithList } from './lists'
import type { AdminChanges } from './admin-changes'
import { isBlinded, sees, type Caller } from './admin-needs'
import { AppAnswer, AppsAnswer, changedAppBody, newAppBody } from './app-schemas'
import { BODY_REFUSALS, fieldErrors, NoBody, NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { pathOf, prefixOf } from './place'

const FOUND = { 200: AppAnswer, 404: NOT_FOUND }
const describeChange = (operationId: string, { settings }: Enforced) => ({
  parse: 'none' as const,
  response: { ...FOUND, ...BODY_REFUSALS, ...WRITE_REFUSALS },
  detail: {
    operationId,
    summary: 'Change an app; what is not named stays',
    description:
      'A new name makes a new slug, unless one is given. An app that is not active any more closes its connections with 4003.',
    ...changedAppBody(settings),
  },
})

export type AdminOptions = {
  readonly changes: AdminChanges
  /** What plugins check of an app's fields. */
  readonly enforced: Enforced
}

type AppRequest = { readonly request: Request; readonly params: { readonly slug: string } }

export function admin(core: Core, options: AdminOptions) {
  const { changes, enforced } = options
  const change = ({ request, params }: AppRequest) =>
    changeAppFrom(core, params.slug, request, options)
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onAfterHandle(changes.record)
    .get('', ({ request }) => respondWithApps(core, changes.callerOf(request)), {
      response: AppsAnswer,
      detail: {
        operationId: 'listApps',
        summary: 'List the apps, inactive ones too',
        description:
          'With their keys and secrets, which are `***` for a token that only reads. A token that sees only some apps gets only those.',
      },
    })
    .post(
      '',
      async ({ request, set }) => {
        const app = await createAppFrom(core, request, options)
        set.status = 201
        set.headers['location'] = `${prefixOf(request)}/api/admin/apps/${app.record.slug}`
        return { data: resourceOf(app) }
      },
      {
        parse: 'none',
        response: { ...BODY_REFUSALS, ...WRITE_REFUSALS, 201: AppAnswer },
        detail: {
          operationId: 'createApp',
          summary: 'Create an app',
          description:
            'A name of five characters is enough; id, slug, key and secret are made where they are absent. It is live at once.',
          ...newAppBody(enforced.settings),
        },
      },
    )
    .get('/:slug', ({ request, params }) => ({ data: shownTo(changes, request, params.slug) }), {
      response: FOUND,
      detail: {
        operationId: 'showApp',
        summary: 'Show an app, by slug or id',
        description: 'With its keys and secrets, which are `***` for a token that only reads.',
      },
    })
    .patch('/:slug', change, describeChange('changeApp', enforced))
    .put('/:slug', change, describeChange('replaceApp', enforced))
    .delete(
      '/:slug',
      async ({ request, params, set }) => {
        requireNoSlash(request)
        const app = changes.appOf(request, params.slug)
        changes.describe(request, { appId: app.id })
        if (app.providedBy !== undefined)
          throw new FieldError({ id: [`comes from ${app.providedBy} and is removed there`] })
        await removeApp(core, app, changes.deedOf(request, 'app.deleted'))
        set.status = 204
        return ''
      },
      {
        response: {
          ...WRITE_REFUSALS,
          404: NOT_FOUND,
          204: NoBody,
          422: fieldErrors({ id: ['comes from the development defaults and is removed there'] }),
        },
        detail: {
          operationId: 'deleteApp',
          summary: 'Delete an app; its connections are closed with 4001',
          description: 'An app that the settings bring is removed there.',
        },
      },
    )
    .post(
      '/:slug/keys',
      async ({ request, params, set }) => {
        const app = changes.appOf(request, params.slug)
        changes.describe(request, { appId: app.id })
        const record = requireSound(addPair(app))
        await changeApp(core, record, changes.deedOf(request, 'key.added'))
        const answer = showChanged(core, app)
        set.status = 201
        return answer
      },
      {
        response: {
          ...WRITE_REFUSALS,
          404: NOT_FOUND,
          201: AppAnswer,
          422: fieldErrors(manyKeys(2)),
        },
        detail: {
          operationId: 'addKey',
          summary: 'Rotate: add a second pair of key and secret; both are live',
          description: 'Two are the most. Retire the older one when nobody uses it any more.',
        },
      },
    )
    .delete(
      '/:slug/keys/:key',
      async ({ request, params }) => {
        const app = changes.appOf(request, params.slug)
        changes.describe(request, { appId: app.id })
        const change = retirePair(app, params.key)
        if (!change) throw notFound()
        await changeApp(core, requireSound(change), changes.deedOf(request, 'key.retired'))
        return showChanged(core, app)
      },
      {
        response: { ...FOUND, ...WRITE_REFUSALS, 422: fieldErrors(NO_KEYS) },
        detail: {
          operationId: 'retireKey',
          summary: 'Retire a pair; connections that came with it stay',
          description: 'The last pair of an app stays.',
        },
      },
    )
}

/**
 * Every client resolves dots in a path, also as `%2e`: the end of a user who is called `..` arrives as `APP/`.
 * @throws RealtimeError('admin_not_found')
 */
function requireNoSlash({ url }: Request): void {
  if (pathOf(url).endsWith('/')) throw notFound()
}

const notFound = (): RealtimeError => new RealtimeError('admin_not_found', 'Not Found')

const respondWithApps = (core: Core, caller: Caller): Promise<Response> =>
  respondWithList(core, {
    items: core.apps.all(),
    envelope: DATA_ENVELOPE,
    jsonOf: (app) => (sees(caller, app) ? JSON.stringify(resourceFor(caller, app)) : undefined),
  })

const shownTo = (changes: AdminChanges, request: Request, slug: string) =>
  resourceFor(changes.callerOf(request), changes.appOf(request, slug))

async function readApp(uploads: Uploads, request: Request): Promise<Record<string, unknown>> {
  const { value } = await readBody(uploads, request)
  const app = isRecord(value) ? value['app'] : undefined
  if (!isRecord(app) || Object.keys(app).length === 0)
    throw new RealtimeError('admin_bad_request', 'Bad Request')
  return app
}

async function createAppFrom(core: Core, request: Request, options: AdminOptions): Promise<App> {
  const raw = await readApp(core.uploads, request)
  const { record, fields } = requireValid(draftApp(contextOf(core, options), raw))
  options.changes.describe(request, { appId: record.id, fields })
  const { token } = options.changes.callerOf(request)
  const deed = options.changes.deedOf(request, 'app.created')
  const made = { ...record, createdBy: token?.id, createdAt: core.clock.now() }
  const app = await createApp(core, made, deed)
  if (!app) throw notFound()
  return app
}

async function changeAppFrom(core: Core, slug: string, request: Request, options: AdminOptions) {
  const raw = await readApp(core.uploads, request)
  // Looked up after the wait: it may have been deleted meanwhile, or its slug be another's.
  const app = options.changes.appOf(request, slug)
  const { record, fields } = requireValid(draftChange(contextOf(core, options), app, raw))
  options.changes.describe(request, { appId: app.id, fields })
  await changeApp(core, record, options.changes.deedOf(request, 'app.changed'))
  return showChanged(core, app)
}

/** The app after a change; it may have been deleted before the engine answered. @throws RealtimeError('admin_not_found') */
function showChanged({ apps }: Core, app: App) {
  if (apps.byId(app.id) !== app) throw notFound()
  return { data: resourceOf(app) }
}

const contextOf = ({ apps, limits }: Core, { enforced }: AdminOptions) => ({
  apps,
  limits,
  enforced,
})

/** @throws FieldError for a draft with mistakes */
function requireValid(draft: Draft): Draft {
  if (Object.keys(draft.errors).length > 0) throw new FieldError(draft.errors)
  return draft
}

/** @throws FieldError for keys that cannot be changed so */
function requireSound(change: KeyChange): AppRecord {
  if ('errors' in change) throw new FieldError(change.errors)
  return change
}

const resourceFor = (caller: Caller, app: App) =>
  resourceOf(isBlinded(caller) ? { ...app, record: withoutSecrets(app.record) } : app)
