/** Addresses of the pages about channels, connections and users of an app. */
import { href } from '../router'

const people = (slug: string, ...rest: readonly string[]): string[] => [
  'apps',
  slug,
  'people',
  ...rest,
]

export const channelsHref = (slug: string): string => href(people(slug))

/** `at` is a position in its history. */
export const channelHref = (slug: string, channel: string, at?: string): string =>
  href(people(slug, 'channels', channel), at === undefined ? {} : { at })

/** All connections, or those of a channel or of a user. */
export const connectionsHref = (
  slug: string,
  filter: { readonly channel?: string; readonly user?: string } = {},
): string => href(people(slug, 'connections'), filter)

export const connectionHref = (slug: string, socketId: string): string =>
  href(people(slug, 'connections', socketId))

export const usersHref = (slug: string): string => href(people(slug, 'users'))
