/** Frames of the Pusher protocol as tests expect them, byte for byte. */

/** An error; most have no code. */
export const errorFrame = (code: number | null, message: string): string =>
  JSON.stringify({ event: 'pusher:error', data: { code, message } })

/** The success of a subscription. */
export const succeeded = (channel: string, data = '{}'): string =>
  JSON.stringify({ event: 'pusher_internal:subscription_succeeded', channel, data })

/** The two frames of a refused subscription. */
export const refused = (
  channel: string,
  type: string,
  status: number,
  message: string,
): string[] => [
  JSON.stringify({
    event: 'pusher:subscription_error',
    channel,
    data: { type, error: message, status },
  }),
  errorFrame(null, message),
]

/** That somebody has come to a presence channel. */
export const added = (channel: string, data: string): string =>
  JSON.stringify({ event: 'pusher_internal:member_added', channel, data })

/** That somebody has left one. */
export const removed = (channel: string, data: string): string =>
  JSON.stringify({ event: 'pusher_internal:member_removed', channel, data })
