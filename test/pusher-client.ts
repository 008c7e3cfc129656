/** The stock browser library as a client of a test server; private and presence channels are signed by the stock server library. */
import Server from 'pusher'
import Pusher, { type Channel, type Options } from 'pusher-js'
import { Inbox, waitFor } from '../kit/client'
import type { TestServer } from './harness'

export type PusherClientOptions = {
  readonly options?: Partial<Options>
  /** Who the client is on presence channels. */
  readonly user?: { user_id: string; user_info?: object }
  /** Signs with another library than the app's own. */
  readonly signer?: Server
  readonly key?: string
}

/** The stock server library, for the first app. */
export function newSdk({ app, port }: TestServer, options: Partial<Server.Options>): Server {
  const { id: appId, key, secret } = app
  const at = { host: '127.0.0.1', port: String(port), useTLS: false }
  return new Server({ appId, key, secret, ...at, ...options } as Server.Options)
}

/** pusher-js, with what it emits in an inbox. */
export class PusherClient {
  readonly pusher: Pusher
  readonly events = new Inbox<{ channel: string; event: string; data: unknown }>()
  readonly states = new Inbox<string>()
  readonly errors = new Inbox<{ type?: string; data?: { code: number | null; message: string } }>()

  constructor(
    server: TestServer,
    { options = {}, user, signer = server.sdk(), key = server.app.key }: PusherClientOptions,
  ) {
    this.pusher = new Pusher(key, {
      cluster: 'test',
      wsHost: '127.0.0.1',
      wsPort: server.socketPort,
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, signer.authorizeChannel(socketId, channelName, user) as never),
      },
      ...options,
    })
    this.pusher.connection.bind('state_change', ({ current }: { current: string }) =>
      this.states.push(current),
    )
    this.pusher.connection.bind('error', (error: never) => this.errors.push(error))
  }

  get socketId(): string {
    return this.pusher.connection.socket_id
  }

  /** Resolves once subscribed, with the channel; its events go to the inbox from then on. */
  async subscribe(name: string): Promise<Channel> {
    const channel = this.pusher.subscribe(name)
    await waitFor(
      `pusher-js to subscribe to ${name}`,
      new Promise<void>((resolve, reject) => {
        channel.bind('pusher:subscription_succeeded', () => resolve())
        channel.bind('pusher:subscription_error', (error: object) =>
          reject(new Error(JSON.stringify(error))),
        )
      }),
    )
    channel.bind_global((event: string, data: unknown) =>
      this.events.push({ channel: name, event, data }),
    )
    return channel
  }

  async state(wanted: string): Promise<void> {
    if (this.pusher.connection.state === wanted) return
    while ((await this.states.next(`state ${wanted}`)) !== wanted);
  }

  nextEvent(): Promise<{ channel: string; event: string; data: unknown }> {
    return this.events.next('an event')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pusher.disconnect()
  }
}
