/**
 * Schemas of the HTTP API: types, validation and the OpenAPI document come from here. Limits are checked
 * by core, which knows the app.
 */
import {
  Type,
  type ObjectOptions,
  type Static,
  type TObject,
  type TProperties,
} from '@sinclair/typebox'
import type { Limits } from '../core/limits'

/** Unknown keys are ignored: SDKs send more than is documented. */
export const OPEN = { additionalProperties: true } as const

/** An object, with an example of the whole. */
export const objectSchema = <Fields extends TProperties>(
  fields: Fields,
  example: Static<TObject<Fields>>,
  options: ObjectOptions = {},
) => Type.Object(fields, { ...options, examples: [example] })

/** A text, with an example. */
export const textSchema = (description: string, example: string) =>
  Type.String({ description, examples: [example] })

const Data = Type.Any({
  description:
    'Text that subscribers get as it is. Of any other JSON value they get the text, as it was written.',
  examples: ['{"hello":"world"}'],
})
export const EventName = textSchema('The name of the event', 'my-event')
export const SocketId = textSchema('The connection that is left out', '123.456')
const Info = textSchema(
  'What to tell of each channel, separated by commas',
  'user_count,subscription_count',
)

/** The length of a list is checked before its entries. */
export const eventBody = ({ maxChannelsPerTrigger: maxItems }: Limits) =>
  objectSchema(
    {
      name: EventName,
      data: Data,
      channels: Type.Optional(Type.Array(Type.String(), { maxItems, examples: [['my-channel']] })),
      channel: Type.Optional(
        Type.String({ description: 'One channel, where `channels` is absent' }),
      ),
      socket_id: Type.Optional(SocketId),
      info: Type.Optional(Info),
    },
    { name: 'my-event', channels: ['my-channel'], data: '{"hello":"world"}' },
    OPEN,
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
  objectSchema(
    { batch: Type.Array(BatchedEvent, { maxItems }) },
    { batch: [{ name: 'my-event', channel: 'my-channel', data: '{"hello":"world"}' }] },
    OPEN,
  )

const Attributes = Type.Object({
  user_count: Type.Optional(
    Type.Integer({ description: 'Distinct users; presence channels only' }),
  ),
  subscription_count: Type.Optional(Type.Integer({ description: 'Connections' })),
})

const CHANNELS = { 'presence-my-channel': { user_count: 2 } }
const ChannelMap = Type.Object({}, { additionalProperties: Attributes, examples: [CHANNELS] })

export const EventAnswer = objectSchema(
  { channels: Type.Optional(ChannelMap) },
  { channels: CHANNELS },
)
export const BatchAnswer = objectSchema(
  { batch: Type.Optional(Type.Array(Attributes)) },
  { batch: [{ subscription_count: 3 }, {}] },
)
export const ChannelsAnswer = objectSchema({ channels: ChannelMap }, { channels: CHANNELS })
export const ChannelAnswer = objectSchema(
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
  { occupied: true, subscription_count: 3 },
)
export const StatsAnswer = objectSchema(
  {
    occupied: Type.Boolean(),
    user_count: Type.Optional(Type.Integer()),
    connection_count: Type.Integer(),
  },
  { occupied: true, connection_count: 3 },
)
export const ConnectionsAnswer = objectSchema({ connections: Type.Integer() }, { connections: 3 })
export const UsersAnswer = objectSchema(
  { users: Type.Array(Type.Object({ id: Type.String() })) },
  { users: [{ id: '7' }, { id: '8' }] },
)
export const EmptyAnswer = objectSchema({}, {})

/** A number of things. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const Webhook = Type.Object({ url: Type.String() }, OPEN)
