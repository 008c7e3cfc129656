/**
 * What plugins do: publish, read who is where, reach the connections of a user. All of it passes the engine, so
 * it reaches every node, and is a promise, since another node may have to answer.
 */
import type { App } from './core/app'
import { userChannel } from './core/channel'
import type { Connection, Subscription } from './core/connection'
import type { Core } from './core/core'
import { dismissSubscription } from './core/dismiss'
import type { Resume } from './core/hooks'
import { jsonOf } from './core/json'
import { logFailure } from './core/plugin-faults'
import type { AppView } from './core/plugin'
import { reasonOf } from './core/plugin-answers'
import type { ChannelView, MemberView, PluginActions, PluginEvent } from './core/plugin-means'
import { publish } from './core/publish'
import type { JsonText, Log, UserId } from './core/types'
import { connectionOf, viewOf } from './core/views'
import { channelOf } from './http/channels'
import { PUSHER } from './http/events'

/** How deep a plugin may publish in its own `publish` and `published` hooks, whether they wait or not. */
const MAX_DEPTH = 4
/** Events of one plugin that are published in one turn of the event loop, some milliseconds; others wait for the next. */
const PUBLISHES_PER_TURN = 1000
/** Channels that are listed in one turn of the event loop. */
const CHANNELS_PER_TURN = 500

type Parts = {
  readonly plugin: { readonly name: string; readonly index: number; readonly locals: () => object }
  readonly log: Log
  /** Undefined until the server is built. */
  readonly coreOf: () => Core | undefined
}

/** The actions of one plugin. One that fails rejects with a message for its author, and is in the log. */
export function newActions({ plugin, log, coreOf }: Parts): PluginActions {
  let depth = 0

  const run = <Result>(
    action: keyof PluginActions,
    view: AppView,
    act: (core: Core, app: App) => Result | Promise<Result>,
  ): Promise<Result> => {
    const result = (async () => {
      const core = coreOf()
      if (!core) throw new Error(`${action} works from start on, and not in setup`)
      const app = core.apps.byId(view.id)
      if (!app) throw new Error(`there is no app ${view.id}`)
      return act(core, app)
    })()
    result.catch((cause: unknown) => logFailure(log, { plugin: plugin.name, hook: action }, cause))
    return result
  }

  /** Runs hooks of a publish that is so deep. */
  const runAt = <Result>(level: number, call: () => Result): Result => {
    const outside = depth
    depth = level
    try {
      return call()
    } finally {
      depth = outside
    }
  }

  let inTurn = 0
  /** Waits for a turn that has room: what a plugin publishes for ever in promises of its own stops nobody. */
  const waitForTurn = async (): Promise<void> => {
    while (inTurn >= PUBLISHES_PER_TURN) await new Promise<void>((next) => setImmediate(next))
  }
  const countInTurn = (): void => {
    if (inTurn++ === 0) setImmediate(() => (inTurn = 0))
  }

  const publishNow = async (core: Core, app: App, event: PluginEvent): Promise<void> => {
    if (depth === MAX_DEPTH)
      throw new Error(`plugin ${plugin.name} publishes in its own hook, ${depth} deep`)
    const { name, socketId } = event
    if (socketId !== undefined && typeof socketId !== 'string')
      throw new TypeError('socketId must be text')
    const channels = 'channels' in event ? event.channels : [event.channel]
    const data = typeof event.data === 'string' ? event.data : jsonOf(event.data)
    if (data === undefined) throw new Error('data has no JSON')
    const level = depth + 1
    const resume: Resume = (call) => runAt(level, call)
    const request = { name, data, channels, socketId }
    if (inTurn >= PUBLISHES_PER_TURN) await waitForTurn()
    countInTurn()
    await resume(() => publish(core, app, [request], { ...PUSHER, label: 'plugin', resume }))
  }

  return {
    publish: (view, event) => run('publish', view, (core, app) => publishNow(core, app, event)),
    sendToUser: (view, userId, event) =>
      run('sendToUser', view, (core, app) => {
        const { name, data } = event
        return publishNow(core, app, { channel: userChannel(userId as UserId), name, data })
      }),
    terminateUser: (view, userId) =>
      run('terminateUser', view, async ({ engine }, app) => {
        await engine.order({ type: 'terminate_user', app, userId: userId as UserId })
      }),
    unsubscribe: (view, channel, message) => {
      const core = coreOf()
      const subscription = core && subscriptionTo(core, connectionOf(view), channel)
      if (!subscription) return false
      dismissSubscription(core, subscription, reasonOf(message))
      return true
    },
    unsubscribeUser: (view, userId, channel, message) =>
      run('unsubscribeUser', view, async ({ engine }, app) => {
        const user = userId as UserId
        const name = channelOf(app, channel)
        const reason = reasonOf(message)
        await engine.order({
          type: 'unsubscribe_user',
          app,
          userId: user,
          channel: name,
          message: reason,
        })
      }),
    connectionsOf: (view, userId) => {
      const core = coreOf()
      const app = core?.apps.byId(view.id)
      if (!core || !app) return []
      const conns = core.users.connectionsOf(app, userId as UserId)
      return Array.from(conns, (conn) => viewOf(conn, plugin))
    },
    counts: (view, channel) =>
      run('counts', view, async ({ engine }, app) => ({
        ...(await engine.counts(app, channelOf(app, channel))),
      })),
    members: (view, channel) =>
      run('members', view, async ({ engine }, app) => {
        const members = await engine.members(app, channelOf(app, channel))
        return members.map(({ userId, userInfo }) => new Reader(userId, userInfo))
      }),
    channels: (view, options) =>
      run('channels', view, async ({ engine }, app) => {
        const prefix = options?.prefix ?? ''
        if (typeof prefix !== 'string') throw new TypeError('prefix must be text')
        const { names, countsOf } = await engine.channels(app)
        const found: ChannelView[] = []
        let left = CHANNELS_PER_TURN
        for (const name of Array.from(names)) {
          if (left-- === 0) {
            await new Promise<void>((resolve) => setImmediate(resolve))
            left = CHANNELS_PER_TURN
          }
          const counts = name.startsWith(prefix) ? countsOf(name) : undefined
          if (counts && counts.subscriptions > 0) found.push({ name, ...counts })
        }
        return found
      }),
  }
}

/** A subscription of the connection, by the name that plugins know; not that to its own user. */
const subscriptionTo = (
  { groups }: Core,
  conn: Connection,
  channel: string,
): Subscription | undefined =>
  conn.subscriptions
    ?.all()
    .find(({ channel: { name, kind } }) => kind.auth !== 'user' && groups.nameOf(name) === channel)

/** Parses what is seldom read when it is read. */
class Reader implements MemberView {
  readonly #userInfo: JsonText

  constructor(
    readonly userId: string,
    userInfo: JsonText,
  ) {
    this.#userInfo = userInfo
  }

  get userInfo(): unknown {
    return JSON.parse(this.#userInfo) as unknown
  }
}
