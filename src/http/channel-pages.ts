/**
 * Pages of occupied channels and of the members of one, by name and id: what is asked for with `limit` or `cursor`.
 * Without them the whole list is the answer, as Pusher's API has it.
 */
import type { App } from '../core/app'
import { isUserChannel } from '../core/channel'
import type { Core } from '../core/core'
import type { Counts } from '../core/presence'
import { select } from '../core/selection'
import type { ChannelName, Member } from '../core/types'
import { respondWithList } from './lists'
import { pageEnvelope, requireLimit } from './paging'

export const LIMIT = { usual: 100, most: 1000 }

type Page = {
  readonly limit: number
  /** The name or id of the last one before the page. */
  readonly after: string | undefined
}

/** The page that is asked for, if one is. @throws RealtimeError('request_invalid') */
export function readPage(query: {
  readonly limit?: string
  readonly cursor?: string
}): Page | undefined {
  const { limit, cursor } = query
  if (limit === undefined && cursor === undefined) return undefined
  return { limit: requireLimit(limit, LIMIT), after: cursor }
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

const isAfter = (name: string, { after }: Page): boolean => after === undefined || name > after

/** Lists occupied channels whose names begin so, without those of users. One that was left meanwhile is left out. */
export async function respondWithChannelPage(
  core: Core,
  app: App,
  page: Page & { readonly prefix: string },
  jsonOf: (name: ChannelName, counts: Counts) => string,
): Promise<Response> {
  const { names, countsOf } = await core.engine.channels(app)
  const { items, hasMore } = await select(core.slices, {
    items: names,
    accepts: (name) => name.startsWith(page.prefix) && isAfter(name, page) && !isUserChannel(name),
    compare,
    limit: page.limit,
  })
  return respondWithList(core, {
    items,
    envelope: pageEnvelope(hasMore ? items.at(-1) : undefined, ['{"channels":{', '}']),
    jsonOf: (name) => {
      const counts = countsOf(name)
      return counts.subscriptions === 0 ? undefined : jsonOf(name, counts)
    },
  })
}

/** Lists members of a channel. */
export async function respondWithMemberPage(
  core: Core,
  app: App,
  page: Page & { readonly channel: ChannelName },
  jsonOf: (member: Member) => string,
): Promise<Response> {
  const { items, hasMore } = await select(core.slices, {
    items: await core.engine.members(app, page.channel),
    accepts: ({ userId }) => isAfter(userId, page),
    compare: (a, b) => compare(a.userId, b.userId),
    limit: page.limit,
  })
  const next = hasMore ? items.at(-1)?.userId : undefined
  return respondWithList(core, {
    items,
    envelope: pageEnvelope(next, ['{"users":[', ']']),
    jsonOf,
  })
}

/** How a member is written, by what `info` names. What else it names is ignored. */
export const memberWriter = (info = ''): ((member: Member) => string) =>
  info.split(',').includes('user_info') ? writeWithInfo : writeId

export const writeId = ({ userId }: Member): string => JSON.stringify({ id: userId })

const writeWithInfo = ({ userId, userInfo }: Member): string =>
  `{"id":${JSON.stringify(userId)},"user_info":${userInfo}}`
