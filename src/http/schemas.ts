/**
 * Schemas of the HTTP API: types, validation and the OpenAPI document come from here. Limits are checked
 * by core, which knows the app.
 */
import { Type } from '@sinclair/typebox'
import type { Limits } from '../core/limits'

const Data = Type.Any({
  description:
    'Text that subscribers get as it is. Of any other JSON value they get the text, as it was written.',
  examples: ['{"hello":"world"}'],
})

/** Unknown keys are ignored: SDKs send more than is documented. */
export const OPEN = { additionalProperties: true } as const

export const SocketId = Type.String({
  description: 'The connection that is left out',
  examples: ['123.456'],
})

const Info = Type.String({
  description: 'What to tell of each channel, separated by commas',
  examples: ['user_count,subscription_count'],
})

/** The length of a list is checked before its entries. */
export const eventBody = ({ maxChannelsPerTrigger: maxItems }: Limits) =>
  Type.Object(
    {
      name: Type.String({ description: 'The name of the event', examples: ['my-event'] }),
      data: Data,
      channels: Type.Optional(Type.Array(Type.String(), { maxItems, examples: [['my-channel']] })),
      channel: Type.Optional(
        Type.String({ description: 'One channel, where `channels` is absent' }),
      ),
      socket_id: Type.Optional(SocketId),
      info: Type.Optional(Info),
    },
    {
      ...OPEN,
      examples: [{ name: 'my-event', channels: ['my-channel'], data: '{"hello":"world"}' }],
    },
  )

const BatchedEvent = Type.Object(
  {
    name: Type.String(),
    data: Data,
    channel: Type.String(),
    socket_id: Type.Optional(SocketId),
    info: Type.Optional(Info),
  },
  OPEN,
)

export const batchBody = ({ maxEventsPerBatch: maxItems }: Limits) =>
  Type.Object(
    { batch: Type.Array(BatchedEvent, { maxItems }) },
    {
      ...OPEN,
      examples: [
        { batch: [{ name: 'my-event', channel: 'my-channel', data: '{"hello":"world"}' }] },
      ],
    },
  )

const Attributes = Type.Object({
  user_count: Type.Optional(
    Type.Integer({ description: 'Distinct users; presence channels only' }),
  ),
  subscription_count: Type.Optional(Type.Integer({ description: 'Connections' })),
})

const CHANNELS = { 'presence-my-channel': { user_count: 2 } }
const ChannelMap = Type.Object({}, { additionalProperties: Attributes, examples: [CHANNELS] })

export const EventAnswer = Type.Object(
  { channels: Type.Optional(ChannelMap) },
  { examples: [{ channels: CHANNELS }] },
)
export const BatchAnswer = Type.Object(
  { batch: Type.Optional(Type.Array(Attributes)) },
  { examples: [{ batch: [{ subscription_count: 3 }, {}] }] },
)
export const ChannelsAnswer = Type.Object(
  { channels: ChannelMap },
  { examples: [{ channels: CHANNELS }] },
)
export const ChannelAnswer = Type.Object(
  {
    occupied: Type.Boolean(),
    user_count: Type.Optional(Type.Integer()),
    subscription_count: Type.Optional(Type.Integer()),
    cache: Type.Optional(
      Type.Union([Type.Object({ data: Type.String(), ttl: Type.Integer() }), Type.Null()], {
        description: 'The data of the last event and the seconds that it has left',
      }),
    ),
  },
  { examples: [{ occupied: true, subscription_count: 3 }] },
)
export const StatsAnswer = Type.Object(
  {
    occupied: Type.Boolean(),
    user_count: Type.Optional(Type.Integer()),
    connection_count: Type.Integer(),
  },
  { examples: [{ occupied: true, connection_count: 3 }] },
)
export const ConnectionsAnswer = Type.Object(
  { connections: Type.Integer() },
  { examples: [{ connections: 3 }] },
)
export const UsersAnswer = Type.Object(
  { users: Type.Array(Type.Object({ id: Type.String() })) },
  { examples: [{ users: [{ id: '7' }, { id: '8' }] }] },
)

/** A parameter that the document describes and no schema checks. */
export const textParameter = (parameter: {
  readonly in: 'path' | 'query'
  readonly name: string
  readonly description: string
  readonly example: string
}) => ({ ...parameter, required: parameter.in === 'path', schema: { type: 'string' as const } })

/** A number of things. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const Webhook = Type.Object({ url: Type.String() }, { additionalProperties: true })
