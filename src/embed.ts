/**
 * A server inside another program, such as the tests of an application: in memory, on a free port, quiet. It reads no
 * environment, listens to no signal, writes to no stream and ends with `stop`. `import.js` hands it out.
 */
import { engines } from '../package.json'
import { ownBase } from './announce'
import { systemClock } from './clock'
import { publicAddress } from './config/admin-settings'
import { ConfigError } from './config/config'
import type { App } from './core/app'
import type { Core } from './core/core'
import { countFault } from './core/faults'
import { jsonOf } from './core/json'
import { publish } from './core/publish'
import type { Clock, Log } from './core/types'
import { inOptions, readOptions, type ServeOptions } from './embed-options'
import { EventLog, type EventMatch, type PublishedEvent, type WaitOptions } from './embed-events'
import { channelOf } from './http/channels'
import { PUSHER } from './http/events'
import { createServer, type CarillonServer } from './server'

export type { EventMatch, PublishedEvent, ServeOptions, WaitOptions }

/** A server that runs in this process. */
export type EmbeddedServer = {
  readonly port: number
  readonly host: string
  /** Without a slash at its end: `http://127.0.0.1:41234`. With `host: 'unix:...'` it is that. */
  readonly url: string
  /** Id, key and secret of the first app. */
  readonly appId: string
  readonly key: string
  readonly secret: string
  /** What was published since the start or `reset`, by backends and clients, the last 10 000. */
  readonly events: readonly PublishedEvent[]
  /**
   * Publishes an event of the first app, or of that with the id, as its backend would. Data that is no text is sent as
   * JSON. Rejects with the reason where the server refuses it.
   */
  trigger(channel: string, name: string, data: unknown, options?: OfApp): Promise<void>
  /** Resolves with the first event of `events` that matches, once it is there. Rejects after `timeoutMs` (2000). */
  waitForEvent(match?: EventMatch, options?: WaitOptions): Promise<PublishedEvent>
  /** Resolves once the channel has so many subscriptions (one), which what is published next will reach. */
  waitForSubscribers(channel: string, options?: SubscriberOptions): Promise<void>
  /** Forgets `events`. Connections and channels stay: for a new state start a new server. */
  reset(): void
  /** Closes all connections and gives back all that was opened. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Which app is meant; the first if absent. */
export type OfApp = { readonly appId?: string | undefined }

export type SubscriberOptions = WaitOptions & OfApp & { readonly count?: number | undefined }

/**
 * Starts a server.
 * @throws ConfigError with every mistake in the options, and what `createServer` throws
 */
export async function serve(options: ServeOptions = {}): Promise<EmbeddedServer> {
  if (!Bun.semver.satisfies(Bun.version, engines.bun))
    throw new Error(`Bun ${Bun.version} is too old: Carillon needs ${engines.bun}`)
  const parts = readOptions(options)
  const built: { core?: Core } = {}
  const clock = newCalmClock(parts.log, () => built.core)
  const server = await createServer({ ...parts, clock }).catch((cause: unknown) => {
    throw inOwnWords(cause)
  })
  built.core = server.core
  const address = publicAddress(parts.config)
  const url = 'path' in address ? parts.config.host : ownBase(parts.config, server.port)
  return newEmbedded(server, parts.config.host, url)
}

/** What is wrong, told by the options and not by the settings that they stand for. */
function inOwnWords(cause: unknown): unknown {
  if (cause instanceof ConfigError) return new ConfigError(cause.mistakes.map(inOptions))
  if (!(cause instanceof Error) || inOptions(cause.message) === cause.message) return cause
  return new Error(inOptions(cause.message), { cause })
}

function newEmbedded(server: CarillonServer, host: string, url: string): EmbeddedServer {
  const { core, port, credentials } = server
  const { id: appId, key, secret } = credentials.app
  const log = new EventLog(core.facts)
  const appOf = ({ appId: id = appId }: OfApp): App => {
    const app = core.apps.byId(id)
    if (app) return app
    throw new Error(`there is no app ${id}`)
  }
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    log.stop()
    return (stopped ??= server.stop())
  }
  return {
    port,
    host,
    url,
    appId,
    key,
    secret,
    get events() {
      return log.events
    },
    trigger: async (channel, name, data, options = {}) => {
      if (stopped) throw new Error('the server was stopped')
      if (typeof name !== 'string') throw new TypeError('name: expected a string')
      const text = typeof data === 'string' ? data : jsonOf(data)
      if (text === undefined) throw new TypeError('data has no JSON')
      const request = { name, data: text, channels: [channel], socketId: undefined }
      await publish(core, appOf(options), [request], PUSHER)
    },
    waitForEvent: (match, options) => log.waitFor(match, options),
    waitForSubscribers: async (channel, options = {}) => {
      const { count = 1, timeoutMs } = options
      const app = appOf(options)
      const name = channelOf(app, channel)
      const isThere = async (): Promise<boolean> =>
        (await core.engine.counts(app, name)).subscriptions >= count
      await log.waitForArrival(isThere, `${count} subscribers of ${channel}`, timeoutMs)
    },
    reset: () => log.clear(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The system's clock. An error that a timer of the server throws is logged, and does not end this process. */
function newCalmClock(log: Log, coreOf: () => Core | undefined): Clock {
  const calm = (run: () => void) => (): void => {
    try {
      run()
    } catch (cause) {
      const core = coreOf()
      if (core) countFault(core, cause)
      else log.error({ err: cause }, 'fault')
    }
  }
  return {
    ...systemClock,
    after: (delayMs, run) => systemClock.after(delayMs, calm(run)),
    every: (intervalMs, run) => systemClock.every(intervalMs, calm(run)),
  }
}
