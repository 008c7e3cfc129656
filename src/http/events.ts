/**
 * Triggers: POST /events, POST /batch_events, and the form of 2012 whose body is the data.
 * Spec: contract 6.4, 6.5.
 */
import { Elysia } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { App } from '../core/app'
import { whenRoom } from '../core/backlog'
import type { Core } from '../core/core'
import type { Limits } from '../core/limits'
import { scanRecords, type JsonSlice } from '../core/json-scan'
import { publish, textOfData, type Api, type EventRequest } from '../core/publish'
import type { Claim } from '../core/messages'
import type { ChannelName } from '../core/types'
import { answerOnce, answerOneOnce, claimOf, claimOfAll, claimOfPlace } from '../core/repeats'
import { allOf, andThen, type MaybePromise } from '../core/maybe-promise'
import { isReservedByPusher } from '../protocols/event-names'
import { requireSignature, type SignedAccess } from './auth'
import { jsonBody, decodeBody } from './body'
import {
  Attributes,
  attributesOf,
  channelOf,
  ChannelMap,
  CHANNELS,
  parseInfo,
  type Attribute,
} from './channels'
import {
  IdempotencyKey,
  KEY_PARAMETER,
  KEY_REFUSALS,
  keyOf,
  keyOfBody,
  keyOfHeader,
} from './idempotency'
import { errorText, NoBody, SIGNED_REFUSALS } from './refusals'
import { documentBody, objectSchema, OPEN, textSchema } from './schemas'
import { sliceOf } from './form'
import { parseParameters } from './signed-query'

const Data = Type.Any({
  description:
    'Text that subscribers get as it is. Of any other JSON value they get the text, as it was written.',
  examples: ['{"hello":"world"}'],
})
const EventName = textSchema('The name of the event', 'my-event')
const SocketId = textSchema('The connection that is left out', '123.456')
const Info = textSchema(
  'What to tell of each channel, separated by commas',
  'user_count,subscription_count',
)

/** The length of a list is checked before its entries. */
const eventBody = ({ maxChannelsPerTrigger: maxItems }: Limits) =>
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
      idempotency_key: Type.Optional(IdempotencyKey),
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
    idempotency_key: Type.Optional(IdempotencyKey),
  },
  OPEN,
)

const batchBody = ({ maxEventsPerBatch: maxItems }: Limits) =>
  objectSchema(
    { batch: Type.Array(BatchedEvent, { maxItems }) },
    { batch: [{ name: 'my-event', channel: 'my-channel', data: '{"hello":"world"}' }] },
    OPEN,
  )

const EventAnswer = objectSchema({ channels: Type.Optional(ChannelMap) }, { channels: CHANNELS })
const BatchAnswer = objectSchema(
  { batch: Type.Optional(Type.Array(Attributes)) },
  { batch: [{ subscription_count: 3 }, {}] },
)

const DeprecatedBody = textSchema('The data of the event, as it is', '{"hello":"world"}')
const DeprecatedQuery = Type.Object({ name: EventName, socket_id: Type.Optional(SocketId) }, OPEN)

const REFUSALS = { ...SIGNED_REFUSALS, ...KEY_REFUSALS }

export function events(core: Core, access: SignedAccess) {
  const [EventBody, BatchBody] = [eventBody(core.limits), batchBody(core.limits)]
  const eventOf = jsonBody(EventBody)
  const batchOf = jsonBody(BatchBody)
  return new Elysia({ prefix: '/apps/:appId', tags: ['events'] })
    .use(requireSignature(core, access))
    .post(
      '/events',
      ({ app, received, request }) => {
        const body = eventOf(received, app.limits.maxEventDataBytes)
        const info = parseInfo(body.info)
        const channels = body.channels ?? (body.channel === undefined ? [] : [body.channel])
        const data = dataText(app, body.data, () => sliceOf(decodeBody(received.raw), 'data'))
        const key = keyOf(app, request, body.idempotency_key)
        const event = eventRequest(body, channels, data)
        if (key !== undefined) return triggerOnce(core, app, key, event, info)
        return andThen(publish(core, app, [event], PUSHER), ([published = []]) =>
          whenRoom(core.hub, app, published, () =>
            info.length === 0 ? {} : infoByChannel(core, app, published, info),
          ),
        )
      },
      {
        parse: 'none',
        response: { 200: EventAnswer, ...REFUSALS },
        detail: {
          parameters: [KEY_PARAMETER],
          operationId: 'triggerEvent',
          summary: 'Trigger an event on one or more channels',
          description:
            'Everything is checked before anything is published: a refused request publishes nothing. A key that is null counts as absent. Where subscribers are far behind, the answer waits for them. `channels` is in the answer only where `info` asked for it.',
          ...documentBody(EventBody),
        },
      },
    )
    .post(
      '/batch_events',
      ({ app, received, request }) => {
        const { maxEventDataBytes, maxEventsPerBatch } = app.limits
        const { batch } = batchOf(received, maxEventsPerBatch * maxEventDataBytes)
        const texts = dataTexts(app, batch, received.raw)
        const infos = batch.map(({ info }) => parseInfo(info))
        const key = keyOfHeader(app, request)
        const keys = batch.map((item) => keyOfBody(app, item.idempotency_key))
        const requests = batch.map((item, index) =>
          eventRequest(item, [item.channel], texts[index]!),
        )
        if (key !== undefined || keys.some((own) => own !== undefined))
          return triggerAllOnce(core, app, { key, keys, requests, infos })
        return andThen(publish(core, app, requests, BATCH), (published) =>
          whenRoom(core.hub, app, published.flat(), () =>
            infos.every((info) => info.length === 0)
              ? {}
              : infoByEvent(core, app, published.flat(), infos),
          ),
        )
      },
      {
        parse: 'none',
        response: {
          ...REFUSALS,
          200: BatchAnswer,
          400: errorText('Expected batch parameter to be an array'),
        },
        detail: {
          parameters: [KEY_PARAMETER],
          operationId: 'triggerBatch',
          summary: 'Trigger several events at once',
          description:
            'In order, all or none. `batch` is in the answer only where an event asked for `info`; it has a place for each event.',
          ...documentBody(BatchBody),
        },
      },
    )
    .post(
      '/channels/:channel/events',
      ({ app, received, params, set, request }) => {
        const data = decodeBody(received.raw)
        // As they were signed: the framework decodes a plus as a space.
        const { name, socket_id: socketId } = parseParameters(received.url)
        const key = keyOfHeader(app, request)
        const event = {
          name: textOf(name) ?? '',
          data,
          channels: [params.channel],
          socketId: textOf(socketId),
        }
        const answer = (): string => {
          set.status = 202
          return ''
        }
        if (key !== undefined) return andThen(triggerOnce(core, app, key, event, []), answer)
        return andThen(publish(core, app, [event], PUSHER), ([published = []]) =>
          whenRoom(core.hub, app, published, answer),
        )
      },
      {
        parse: 'none',
        query: DeprecatedQuery,
        response: { 202: NoBody, ...REFUSALS },
        detail: {
          operationId: 'triggerChannelEvent',
          summary: 'Trigger an event on a channel (the form of 2012)',
          description:
            'The body is the data. For libraries that are older than `POST /events`. The header `Idempotency-Key` is read here, too.',
          deprecated: true,
          ...documentBody(DeprecatedBody, 'text/plain'),
        },
      },
    )
}

/** Undefined for a list. */
const textOf = (parameter: string | string[] | undefined): string | undefined =>
  typeof parameter === 'string' ? parameter : undefined

/** The API of Pusher. */
export const PUSHER: Api = {
  label: 'pusher',
  channelOf,
  namesEvents: true,
  isReserved: isReservedByPusher,
}
const BATCH: Api = { ...PUSHER, label: 'pusher_batch' }

const eventRequest = (
  { name, socket_id: socketId }: { readonly name: string; readonly socket_id?: string },
  channels: readonly string[],
  data: string,
): EventRequest => ({ name, data, channels, socketId })

/** No SDK sends anything but text; of other values the text is that of the body (contract 3.10). */
const dataText = (app: App, data: unknown, written: () => JsonSlice | undefined): string =>
  typeof data === 'string' ? data : textOfData(app, data, written)

function dataTexts(
  app: App,
  events: readonly { readonly data: unknown }[],
  body: Uint8Array,
): readonly string[] {
  let slices: readonly (JsonSlice | undefined)[] | undefined
  return events.map(({ data }, index) =>
    dataText(app, data, () => (slices ??= scanRecords(decodeBody(body), 'batch', 'data'))[index]),
  )
}

// ---------------------------------------------------------------- triggers that may be repeated

/** What is kept of an event: the attributes of its channels, or nothing where none were asked for. */
const NO_INFO = ''

/** Publishes an event, or answers as its first request was answered. */
function triggerOnce(
  core: Core,
  app: App,
  key: string,
  event: EventRequest,
  info: readonly Attribute[],
) {
  const once = claimOf(key, event)
  const answered = answerOneOnce(core.engine, app, once, () =>
    andThen(
      publishToAnswer(core, app, [{ ...event, once }], [info], PUSHER),
      ([answer]) => answer!,
    ),
  )
  const channels = [...new Set(event.channels)]
  return andThen(answered, (answer) =>
    answer === NO_INFO ? {} : { channels: zip(channels, JSON.parse(answer)) },
  )
}

type Batch = {
  /** Of the whole request. */
  readonly key: string | undefined
  /** Of its events. */
  readonly keys: readonly (string | undefined)[]
  readonly requests: readonly EventRequest[]
  readonly infos: readonly (readonly Attribute[])[]
}

/** Publishes the events of a batch whose keys are new, and answers each as its first request was answered. */
function triggerAllOnce(core: Core, app: App, { key, keys, requests, infos }: Batch) {
  const { engine } = core
  const claims = keys.map((own, place) =>
    own === undefined ? undefined : claimOf(own, requests[place]!),
  )
  const whole = key === undefined ? undefined : claimOfAll(key, requests)
  const onceOf = (place: number): Claim | undefined =>
    claims[place] ?? (whole && claimOfPlace(whole, place))
  const answerEach = (): MaybePromise<readonly string[]> =>
    answerOnce(engine, app, claims, (places) => {
      const events = places.map((at) => ({ ...requests[at]!, once: onceOf(at) }))
      const asked = places.map((at) => infos[at]!)
      return publishToAnswer(core, app, events, asked, BATCH)
    })
  const answered =
    whole === undefined
      ? answerEach()
      : andThen(
          answerOneOnce(engine, app, whole, () =>
            andThen(answerEach(), (answers) => JSON.stringify(answers)),
          ),
          (answers) => JSON.parse(answers) as string[],
        )
  return andThen(answered, (answers) =>
    answers.every((answer) => answer === NO_INFO)
      ? {}
      : { batch: answers.map((answer) => (answer === NO_INFO ? {} : JSON.parse(answer)[0])) },
  )
}

/** Publishes events. What is to be kept of each, once none of their channels is crowded. */
function publishToAnswer(
  core: Core,
  app: App,
  events: readonly EventRequest[],
  infos: readonly (readonly Attribute[])[],
  api: Api,
): MaybePromise<readonly string[]> {
  const attributesOfAll = (channels: readonly ChannelName[], info: readonly Attribute[]) =>
    andThen(allOf(channels.map((name) => attributesOf(core, app, name, info))), (attributes) =>
      JSON.stringify(attributes),
    )
  return andThen(publish(core, app, events, api), (published) =>
    whenRoom(core.hub, app, published.flat(), () =>
      allOf(
        published.map((channels, place) => {
          const info = infos[place]!
          return info.length === 0 ? NO_INFO : attributesOfAll(channels, info)
        }),
      ),
    ),
  )
}

const zip = <Value>(names: readonly string[], values: readonly Value[]) =>
  Object.fromEntries(names.map((name, index) => [name, values[index]]))

// ---------------------------------------------------------------- info

function infoByChannel(
  core: Core,
  app: App,
  channels: readonly ChannelName[],
  info: readonly Attribute[],
) {
  return andThen(
    allOf(channels.map((name) => attributesOf(core, app, name, info))),
    (attributes) => ({ channels: zip(channels, attributes) }),
  )
}

/** Every event of a batch has one channel. */
function infoByEvent(
  core: Core,
  app: App,
  channels: readonly ChannelName[],
  infos: readonly (readonly Attribute[])[],
) {
  const attributes = channels.map((name, index) =>
    attributesOf(core, app, name, infos[index] ?? []),
  )
  return andThen(allOf(attributes), (batch) => ({ batch }))
}
