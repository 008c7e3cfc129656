/**
 * INSTALLED: other servers, measured where they are installed beside us, in `.peers/NAME`
 * (`bench/README.md` has the commands). Limits, metrics and logs are off, so that each runs at its best.
 */
import type { ProtocolName } from './protocols'
import type { App } from './sides'

export type Installed = {
  readonly about: string
  /** Below its folder; it is installed when this is there. */
  readonly program: string
  /** What runs the program, where it does not run by itself. */
  readonly runner?: 'node'
  /** After the program. */
  readonly args?: readonly string[]
  readonly protocol: ProtocolName
  /** Before it starts, so that it is warm at once. */
  readonly isCompiled?: true
  readonly config: (wanted: Wanted) => unknown
  /** A command that prints its version, and a pattern that finds the version in the output. */
  readonly version: { readonly of: (path: string) => readonly string[]; readonly at: RegExp }
  /** Questions that it can't be compared by, with the reason. */
  readonly unsuited: Readonly<Record<string, string>>
}

/** What a configuration is made for. */
export type Wanted = {
  readonly host: string
  readonly port: number
  /** Where the app's webhooks go, where a question asks for them. */
  readonly webhookUrl?: string | undefined
  /** Where the servers are several that are one. */
  readonly redisPort?: number | undefined
}

/** The app of all installed servers. */
export const INSTALLED_APP: App = { id: 'app-id', key: 'app-key', secret: 'app-secret' }

const SAID = /(\d+\.\d+\.\d+)/

/** soketi wants each named. */
const TOLD = ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed']

const UNSIGNED = 'its triggers carry a key and no signature'

export const INSTALLED = {
  soketi: {
    about: 'soketi 1.6.1 on Node, limits and metrics off',
    program: 'node_modules/@soketi/soketi/bin/server.js',
    runner: 'node',
    args: ['start'],
    protocol: 'pusher',
    version: { of: (path) => ['node', path, '--version'], at: SAID },
    unsuited: {},
    config: ({ host, port, webhookUrl, redisPort }) => ({
      debug: false,
      host,
      port,
      ...(redisPort !== undefined && {
        'adapter.driver': 'redis',
        'database.redis.host': host,
        'database.redis.port': redisPort,
      }),
      'metrics.enabled': false,
      'eventLimits.maxPayloadInKb': 200,
      'presence.maxMembersPerChannel': 100_000,
      'appManager.array.apps': [
        {
          ...INSTALLED_APP,
          enabled: true,
          enableClientMessages: true,
          enableUserAuthentication: false, // it would close who has not signed in after half a minute
          maxConnections: -1,
          maxBackendEventsPerSecond: -1,
          maxClientEventsPerSecond: -1,
          maxReadRequestsPerSecond: -1,
          webhooks: webhookUrl === undefined ? [] : [{ url: webhookUrl, event_types: TOLD }],
        },
      ],
    }),
  },
  sockudo: {
    about: 'Sockudo 5.2.0, built for release without LTO, limits and metrics off',
    program: 'bin/sockudo',
    isCompiled: true,
    protocol: 'pusher',
    version: { of: (path) => [path, '--version'], at: SAID },
    unsuited: {},
    config: ({ host, port }) => ({
      debug: false,
      host,
      port,
      mode: 'production',
      adapter: { driver: 'local' },
      metrics: { enabled: false },
      rate_limiter: { enabled: false },
      websocket_max_payload_kb: 200,
      app_manager: {
        driver: 'memory',
        array: {
          apps: [
            {
              ...INSTALLED_APP,
              enabled: true,
              policy: {
                limits: {
                  max_connections: 1_000_000,
                  max_client_events_per_second: 1_000_000,
                  max_event_payload_in_kb: 200,
                  max_presence_members_per_channel: 100_000,
                },
                features: { enable_client_messages: true },
              },
            },
          ],
        },
      },
    }),
  },
  centrifugo: {
    about: 'Centrifugo 6.9.1, its own protocol, nothing signed',
    program: 'bin/centrifugo',
    isCompiled: true,
    protocol: 'centrifugo',
    // built from its module, it calls itself 0.0.0
    version: { of: (path) => ['go', 'version', '-m', path], at: /\tmod\t\S+\tv(\S+)/ },
    unsuited: {
      trigger: UNSIGNED,
      spread: UNSIGNED,
      presence: 'its presence is a list to ask for, and tells nobody who else is there',
      clientevent: 'its clients publish to channels, authors included',
    },
    config: ({ host, port }) => ({
      client: {
        allow_anonymous_connect_without_token: true,
        insecure: true,
        allowed_origins: ['*'],
        channel_limit: 5000,
      },
      http_api: { key: INSTALLED_APP.key },
      http_server: { address: host, port: String(port) },
      log: { level: 'error' },
      channel: {
        without_namespace: {
          allow_subscribe_for_client: true,
          allow_subscribe_for_anonymous: true,
        },
      },
    }),
  },
} as const satisfies Record<string, Installed>
