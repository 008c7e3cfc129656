/**
 * The admin API: reads of the apps, behind Basic authentication.
 */
import { Elysia } from 'elysia'
import type { App } from '../core/apps'
import type { Core } from '../core/core'
import { checkAdmin } from './auth'
import { AppsAnswer, ErrorText } from './schemas'

export type AdminIdentity = { readonly username: string; readonly passwordSha256: string }

export function admin(core: Core, identity: AdminIdentity) {
  return new Elysia({ prefix: '/api/admin', tags: ['admin'] })
    .derive(({ request }) => {
      checkAdmin(request.headers.get('authorization'), identity)
    })
    .get('/apps', () => ({ data: Array.from(core.apps.all(), resourceOf) }), {
      response: { 200: AppsAnswer, 401: ErrorText },
      detail: { summary: 'List the apps' },
    })
}

/** Without the secret: a list is looked at more often than a secret should be. */
function resourceOf({ id, name, slug, keys, active }: App) {
  return {
    id: /^\d{1,15}$/.test(id) ? Number(id) : id,
    name,
    slug,
    key: keys[0]?.key ?? '',
    active,
  }
}
