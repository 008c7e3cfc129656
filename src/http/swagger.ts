/**
 * What fills the page at `/swagger`: credentials that anybody may know, and no others.
 */
import { Elysia } from 'elysia'
import type { Locality } from './local'

/** The published development credentials; those of a server that has others are absent. */
export type PublishedCredentials = {
  readonly appId?: string
  readonly key?: string
  readonly secret?: string
  readonly username?: string
  readonly password?: string
}

export function swaggerDefaults(published: PublishedCredentials, locality: Locality) {
  const hasAny = Object.keys(published).length > 0
  const given = ({ request }: { readonly request: Request }): PublishedCredentials => {
    if (hasAny) locality.requireLocal(request)
    return published
  }
  return new Elysia().get('/swagger/defaults', given, { detail: { hide: true } })
}
