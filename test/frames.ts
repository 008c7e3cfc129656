/** Frames of the Pusher protocol as tests expect them, byte for byte. */

/** Makes the frame of an error; most have no code. */
export const makeErrorFrame = (code: number | null, message: string): string =>
  JSON.stringify({ event: 'pusher:error', data: { code, message } })

/** Makes the success of a subscription. */
export const makeSuccess = (channel: string, data = '{}'): string =>
  JSON.stringify({ event: 'pusher_internal:subscription_succeeded', channel, data })

/** Makes the two frames of a refused subscription. */
export const makeRefusal = (
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
  makeErrorFrame(null, message),
]

/** Makes the frame that announces a new member of a presence channel. */
export const makeMemberAdded = (channel: string, data: string): string =>
  JSON.stringify({ event: 'pusher_internal:member_added', channel, data })

/** Makes the frame that announces a member's departure. */
export const makeMemberRemoved = (channel: string, data: string): string =>
  JSON.stringify({ event: 'pusher_internal:member_removed', channel, data })
