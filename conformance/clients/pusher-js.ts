/** The stock browser library as a client of the server, its channels and users signed by the stock server library. */
import Pusher, { type Channel, type Options } from 'pusher-js'
import { Mismatch, show } from '../mismatch'
import type { Target } from '../target'
import { Inbox, type Wait } from './inbox'
import type { makeSdk } from './requests'

export type PusherJsOptions = {
  readonly key?: string
  readonly transport?: 'ws' | 'xhr_streaming' | 'xhr_polling'
  /** Who the client is on presence channels. */
  readonly member?: { user_id: string; user_info?: object }
  /** Who the client is when it signs in. */
  readonly user?: { id: string; user_info?: object; watchlist?: string[] }
}

/** What the client needs of its case. */
type Around = {
  readonly target: Target
  readonly sdk: ReturnType<typeof makeSdk>
  readonly wait: Wait
}

export type Emitted = { readonly event: string; readonly data: unknown; readonly by?: unknown }

export class PusherJsClient {
  readonly pusher: Pusher
  readonly errors: Inbox<{ error?: { data?: { code?: unknown } } }>
  readonly #states: Inbox<string>
  readonly #wait: Wait

  constructor(
    { target, sdk, wait }: Around,
    { key, transport = 'ws', member, user }: PusherJsOptions,
  ) {
    this.#wait = wait
    this.errors = new Inbox(wait)
    this.#states = new Inbox(wait, () => `the state ${this.pusher.connection.state}`)
    this.pusher = new Pusher(key ?? target.key, {
      cluster: 'conformance',
      wsHost: target.host,
      wsPort: target.port,
      wssPort: target.port,
      wsPath: target.prefix,
      httpHost: target.host,
      httpPort: target.port,
      httpsPort: target.port,
      httpPath: `${target.prefix}/pusher`,
      forceTLS: target.isTls,
      enabledTransports: [transport],
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, sdk.authorizeChannel(socketId, channelName, member) as never),
      },
      userAuthentication: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId }, callback) =>
          callback(null, sdk.authenticateUser(socketId, user as never) as never),
      },
    } satisfies Options)
    this.pusher.connection.bind('state_change', ({ current }: { current: string }) =>
      this.#states.push(current),
    )
    this.pusher.connection.bind('error', (error: never) => this.errors.push(error))
  }

  /** Waits for a state. @throws Mismatch */
  async state(wanted: string): Promise<void> {
    while (this.pusher.connection.state !== wanted)
      await this.#states.next(`the state ${wanted} of pusher-js`)
  }

  /** Subscribes, and returns the channel with what it emits from then on. @throws Mismatch */
  async subscribe(name: string): Promise<{ channel: Channel; emitted: Inbox<Emitted> }> {
    const emitted = new Inbox<Emitted>(this.#wait)
    const channel = this.pusher.subscribe(name)
    const subscribed = new Promise<void>((resolve, reject) => {
      channel.bind('pusher:subscription_succeeded', () => resolve())
      channel.bind('pusher:subscription_error', (error: object) =>
        reject(new Mismatch(`pusher-js to be subscribed to ${name}`, show(error))),
      )
    })
    await this.#wait(`pusher-js to be subscribed to ${name}`, subscribed)
    channel.bind_global((event: string, data: unknown) => {
      if (event !== 'pusher:subscription_count') emitted.push({ event, data })
    })
    return { channel, emitted }
  }

  close(): void {
    this.pusher.disconnect()
  }
}
