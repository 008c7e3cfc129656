/**
 * The shapes of the HTTP API: types, validation and the OpenAPI document come from here. They say
 * which types there are; limits belong to core, which knows the app.
 */
import { Type } from '@sinclair/typebox'

const Data = Type.Any({
  description:
    'Text that subscribers get as it is. Any other JSON value but null is written out as JSON first.',
  examples: ['{"hello":"world"}'],
})

/** Unknown keys are ignored: SDKs send more than is documented. */
export const OPEN = { additionalProperties: true } as const

const SocketId = Type.Union([Type.String({ examples: ['123.456'] }), Type.Null()], {
  description: 'The connection that is left out',
})

const Info = Type.String({
  description: 'What to tell of each channel, separated by commas',
  examples: ['user_count,subscription_count'],
})

export const EventBody = Type.Object(
  {
    name: Type.String({ description: 'The name of the event', examples: ['my-event'] }),
    data: Data,
    channels: Type.Optional(Type.Array(Type.String(), { examples: [['my-channel']] })),
    channel: Type.Optional(Type.String({ description: 'One channel, where `channels` is absent' })),
    socket_id: Type.Optional(SocketId),
    info: Type.Optional(Info),
  },
  {
    ...OPEN,
    examples: [{ name: 'my-event', channels: ['my-channel'], data: '{"hello":"world"}' }],
  },
)

export const BatchBody = Type.Object(
  {
    batch: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          data: Data,
          channel: Type.String(),
          socket_id: Type.Optional(SocketId),
          info: Type.Optional(Info),
        },
        OPEN,
      ),
    ),
  },
  {
    ...OPEN,
    examples: [{ batch: [{ name: 'my-event', channel: 'my-channel', data: '{"hello":"world"}' }] }],
  },
)

const Attributes = Type.Object({
  user_count: Type.Optional(
    Type.Integer({ description: 'Distinct users; presence channels only' }),
  ),
  subscription_count: Type.Optional(Type.Integer({ description: 'Connections' })),
})

const ChannelMap = Type.Object(
  {},
  {
    additionalProperties: Attributes,
    examples: [{ 'presence-my-channel': { user_count: 2 } }],
  },
)

export const EventAnswer = Type.Object({
  channels: Type.Optional(ChannelMap),
})
export const BatchAnswer = Type.Object({
  batch: Type.Optional(Type.Array(Attributes)),
})
export const ChannelsAnswer = Type.Object({ channels: ChannelMap })
export const ChannelAnswer = Type.Object({
  occupied: Type.Boolean(),
  user_count: Type.Optional(Type.Integer()),
  subscription_count: Type.Optional(Type.Integer()),
  cache: Type.Optional(
    Type.Union([Type.Object({ data: Type.String(), ttl: Type.Integer() }), Type.Null()], {
      description: 'The data of the last event and the seconds that it has left',
    }),
  ),
})
export const StatsAnswer = Type.Object({
  occupied: Type.Boolean(),
  user_count: Type.Optional(Type.Integer()),
  connection_count: Type.Integer(),
})
export const UsersAnswer = Type.Object({
  users: Type.Array(Type.Object({ id: Type.String() })),
})

/** One sentence in plain text, ending in a newline. */
export const ErrorText = Type.String({
  description: 'What is wrong, in one line of plain text',
  examples: ['What is wrong, in one line'],
})

/** An answer without a body. */
export const NoBody = Type.Literal('')

const Limit = Type.Optional(Type.Integer({ minimum: 0 }))
export const AppLimits = Type.Object(
  {
    max_connections_per_app: Limit,
    max_backend_events_per_second: Limit,
    max_event_data_bytes: Limit,
    max_presence_members: Limit,
    max_user_info_bytes: Limit,
    max_client_events_per_second: Limit,
    max_watched_users: Limit,
    max_cached_channels: Limit,
    authorize_within_seconds: Limit,
  },
  { description: 'The numbers of its own; the rest are those of the server' },
)
export const Webhook = Type.Object({ url: Type.String() }, { additionalProperties: true })

const AppResource = Type.Object({
  id: Type.Union([Type.Integer(), Type.String()], { description: 'A number where it is one' }),
  name: Type.String(),
  slug: Type.String(),
  key: Type.String({ description: 'Of the newest pair' }),
  secret: Type.String({ description: 'Of the newest pair' }),
  active: Type.Boolean(),
  client_events: Type.Boolean(),
  public_client_events: Type.Boolean(),
  subscription_counts: Type.Boolean(),
  hosts: Type.Array(Type.String()),
  webhooks: Type.Array(Webhook),
  limits: AppLimits,
  keys: Type.Array(Type.Object({ key: Type.String(), secret: Type.String() }), {
    description: 'One or two live pairs, oldest first',
  }),
  provided_by: Type.Union([Type.String(), Type.Null()], {
    description: 'Where id, key and secret come from, if not from the database',
  }),
})
export const AppAnswer = Type.Object({ data: AppResource })
export const AppsAnswer = Type.Object({ data: Type.Array(AppResource) })

export const FieldErrorsAnswer = Type.Object({
  errors: Type.Object(
    {},
    {
      additionalProperties: Type.Union([Type.Array(Type.String()), Type.String()]),
      description: 'What is wrong, by field; or `detail`',
      examples: [{ name: ["can't be blank"] }],
    },
  ),
})
