/**
 * COUNTERS: what the process counts, in plain numbers that a hot path can afford (`++`).
 */
export const COUNTERS = {
  connectionsAccepted: 'connections that were told hello',
  connectionsRefused: 'connections refused at connect',
  requestsRefused: 'requests refused because too many of their address, or of all, were in flight',
  messagesReceived: 'frames received from clients',
  messagesRefused: 'frames answered with a refusal',
  publications: 'events accepted over HTTP, one per channel',
  clientEvents: 'client events accepted',
  clientEventsLimited: 'client events refused by their rate limit',
  framesQueued: 'frames that waited for their turn of the fan-out, one per channel and format',
  fanOutLagMs: 'milliseconds after which those had reached the last subscriber, all together',
  messagesTooBig: 'connections closed because a message was larger than the transport takes',
  slowReadersClosed: 'connections closed because they read too slowly',
  silentClosed: 'connections closed because they did not answer a ping',
  unauthorizedClosed: 'connections closed because they did not show in time who they are',
  queueOverflowsClosed: 'connections closed because too many of their commands waited',
  webhookEvents: 'webhook events written down, one for each endpoint',
  webhookEventsDelivered: 'webhook events that an endpoint accepted',
  webhookEventsDead: 'webhook events given up after five minutes, kept as dead letters',
  webhookEventsDropped: 'webhook events lost: no room, no disk, or their endpoint was removed',
  webhookEventsCancelled:
    'webhook events of who left before anybody was told that they had come, neither of them sent',
  webhookEventsRefused: 'webhook events that a plugin refused',
  webhookRequests: 'webhook requests made',
  webhookRequestsAccepted: 'webhook requests that were answered with 2xx',
  webhookRequestsFailed: 'webhook requests that were not',
  faults: 'unexpected errors of ours',
} as const

export type Counters = { -readonly [Name in keyof typeof COUNTERS]: number }

export function newCounters(): Counters {
  return Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Counters
}
