/**
 * What fills the page at `/swagger`: credentials that anybody may know, and no others.
 */
import { Elysia } from 'elysia'

/** The published development credentials; those of a server that has others are absent. */
export type PublishedCredentials = {
  readonly appId?: string
  readonly key?: string
  readonly secret?: string
  readonly username?: string
  readonly password?: string
}

export function swaggerDefaults(published: PublishedCredentials) {
  return new Elysia().get('/swagger/defaults', () => published, { detail: { hide: true } })
}
