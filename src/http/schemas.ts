/**
 * The shapes of the HTTP API: types, validation and the OpenAPI document come from here. They say
 * which types there are; limits belong to core, which knows the app.
 */
import { Type } from '@sinclair/typebox'
import { LIMITS, type Limits } from '../core/limits'
import { LIMIT_BY_WIRE_NAME } from '../apps/limits'

const Data = Type.Any({
  description:
    'Text that subscribers get as it is. Of any other JSON value they get the text, as it was written.',
  examples: ['{"hello":"world"}'],
})

/** Unknown keys are ignored: SDKs send more than is documented. */
export const OPEN = { additionalProperties: true } as const

const SocketId = Type.String({
  description: 'The connection that is left out',
  examples: ['123.456'],
})

const Info = Type.String({
  description: 'What to tell of each channel, separated by commas',
  examples: ['user_count,subscription_count'],
})

/** How many there may be is checked before what they are. */
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

const ChannelMap = Type.Object(
  {},
  {
    additionalProperties: Attributes,
    examples: [{ 'presence-my-channel': { user_count: 2 } }],
  },
)

export const EventAnswer = Type.Object(
  { channels: Type.Optional(ChannelMap) },
  { examples: [{ channels: { 'presence-my-channel': { user_count: 2 } } }] },
)
export const BatchAnswer = Type.Object(
  { batch: Type.Optional(Type.Array(Attributes)) },
  { examples: [{ batch: [{ subscription_count: 3 }, {}] }] },
)
export const ChannelsAnswer = Type.Object(
  { channels: ChannelMap },
  { examples: [{ channels: { 'presence-my-channel': { user_count: 2 } } }] },
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

/** The numbers of an app's own. What is stored was in range when it was written. */
const OwnLimits = Type.Object(
  Object.fromEntries(
    Array.from(LIMIT_BY_WIRE_NAME, ([name, limit]) => [
      name,
      Type.Optional(Type.Integer({ description: LIMITS[limit].about })),
    ]),
  ),
  { description: 'The numbers of its own; the rest are those of the server' },
)
/** A number of things. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const Webhook = Type.Object({ url: Type.String() }, { additionalProperties: true })

/** What the switches of an app are for. */
export const SWITCHES = {
  active: 'An app that is not refuses everybody',
  clientEvents: 'Members of private and presence channels may send events',
  publicClientEvents: 'Clients may push on `public:` topics of the Phoenix protocol',
  subscriptionCounts: 'Subscribers and webhooks are told how many subscribers there are',
  eplBridge:
    'Events of the other APIs reach the members of `public:<slug>` and `private:<slug>`, too. Everybody may join the public one: it hears every public channel',
}
const switched = (description: string) => Type.Boolean({ description })

const AppResource = Type.Object({
  id: Type.Union([Type.Integer(), Type.String()], { description: 'A number where it is one' }),
  name: Type.String(),
  slug: Type.String(),
  key: Type.String({ description: 'Of the newest pair' }),
  secret: Type.String({ description: 'Of the newest pair' }),
  active: switched(SWITCHES.active),
  client_events: switched(SWITCHES.clientEvents),
  public_client_events: switched(SWITCHES.publicClientEvents),
  subscription_counts: switched(SWITCHES.subscriptionCounts),
  epl_bridge: switched(SWITCHES.eplBridge),
  hosts: Type.Array(Type.String()),
  webhooks: Type.Array(Webhook),
  limits: OwnLimits,
  keys: Type.Array(Type.Object({ key: Type.String(), secret: Type.String() }), {
    description: 'One or two live pairs, oldest first',
  }),
  provided_by: Type.Union([Type.String(), Type.Null()], {
    description: 'Where id, key and secret come from, if not from the database',
  }),
})
const PAIR = {
  key: '5b0f5c1e-1f0c-4a52-9a3e-0c1d2e3f4a5b',
  secret: '0d9c8b7a-6f5e-4d3c-8b2a-190807060504',
}
const APP = {
  id: 123456789,
  name: 'foo-app',
  slug: 'foo-app',
  ...PAIR,
  active: true,
  client_events: true,
  public_client_events: false,
  subscription_counts: false,
  epl_bridge: false,
  hosts: [],
  webhooks: [],
  limits: { max_presence_members: 500 },
  keys: [PAIR],
  provided_by: null,
}
export const AppAnswer = Type.Object({ data: AppResource }, { examples: [{ data: APP }] })
export const AppsAnswer = Type.Object(
  { data: Type.Array(AppResource) },
  { examples: [{ data: [APP] }] },
)
