/** What happens in an app, as it happens: a stream of Server-Sent Events. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { quote } from '../core/errors'
import type { AdminChanges } from './admin-changes'
import { seesAllApps } from './admin-needs'
import { FieldError } from './errors'
import type { LiveFeed } from './live-feed'
import { parseRowId, type LiveFilter, type Watcher } from './live-watcher'
import { LIVE_KIND_NAMES, LIVE_KINDS, type LiveKind } from './live-rows'
import { pageAnswer } from './openapi'
import { errorText, fieldErrors, NOT_FOUND } from './refusals'
import { OPEN } from './schemas'

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no', // nginx gathers what it passes on
}

const EXAMPLE = `event: hello
data: {"app":"development","at":1700000000000}

`

/** Text of a query that may be absent. */
const optional = (description: string, example: string) =>
  Type.Optional(Type.String({ description, examples: [example] }))

const LiveQuery = Type.Object(
  {
    kinds: optional('Only these kinds, separated by commas', 'published,refused'),
    channel: optional('Only what is about channels that begin so', 'presence-'),
    limit: optional('End after so many; 0: after `hello`', '0'),
    linger: optional('Seconds for which a cut is bridged', '10'),
  },
  OPEN,
)

const DESCRIPTION =
  'Server-Sent Events, until the client goes; docs/admin-api.md has the kinds. Of a busy app not all are shown: `skipped` says how many.'

export function live(feed: LiveFeed, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .get(
      '/:slug/live',
      ({ request, route, params, query, set }) => {
        const app = changes.appOf(request, params.slug)
        const filter = filterOf(query)
        if (request.method === 'HEAD') return new Response(null, { headers: HEADERS })
        const byId = { slug: app.id } // the slug may be another's by then
        const authorize = (): void => changes.authorize({ request, route, params: byId, set })
        const caller = changes.callerOf(request)
        const tokenId = caller.token?.id
        const last = parseRowId(request.headers.get('last-event-id'))
        const watcher = feed.watch({
          app,
          filter,
          seesAllApps: seesAllApps(caller),
          tokenId,
          last,
          authorize,
        })
        request.signal.addEventListener('abort', () => feed.leave(watcher))
        return new Response(streamOf(feed, watcher), { headers: HEADERS })
      },
      {
        query: LiveQuery,
        response: {
          404: NOT_FOUND,
          422: fieldErrors({ kinds: [unknownKind('x')] }),
          503: errorText('Too many live streams: the limit is 1 (maxLiveStreams)'),
        },
        detail: {
          operationId: 'watchApp',
          summary: 'Watch what happens in an app, live',
          description: DESCRIPTION,
          ...pageAnswer('text/event-stream', { type: 'string' }, EXAMPLE),
        },
      },
    )
}

const MAX_LINGER_SECONDS = 60

/** @throws FieldError for a kind that there is not, and a number that is none */
function filterOf({ kinds, channel, limit, linger }: typeof LiveQuery.static): LiveFilter {
  const names = kinds === undefined ? [] : kinds.split(',')
  const unknown = names.find((name) => !Object.hasOwn(LIVE_KINDS, name))
  if (unknown !== undefined) throw new FieldError({ kinds: [unknownKind(unknown)] })
  return {
    kinds: names.length > 0 ? new Set(names as LiveKind[]) : undefined,
    channelPrefix: channel,
    limit: limit === undefined ? Infinity : readNumber('limit', limit, 999_999_999),
    lingerSeconds: linger === undefined ? 0 : readNumber('linger', linger, MAX_LINGER_SECONDS),
  }
}

function readNumber(name: string, text: string, most: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text)
  const said = `${JSON.stringify(quote(text))} is not a number from 0 to ${most}`
  throw new FieldError({ [name]: [said] })
}

function unknownKind(name: string): string {
  return `${JSON.stringify(quote(name))} is not one of ${LIVE_KIND_NAMES.join(', ')}`
}

function streamOf(feed: LiveFeed, watcher: Watcher): ReadableStream {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(stream) {
      const text = await watcher.next()
      if (text !== undefined) return stream.enqueue(encoder.encode(text))
      feed.end(watcher)
      stream.close()
    },
    cancel: () => feed.leave(watcher),
  })
}
