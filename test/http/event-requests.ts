/** How tests trigger events with the stock server library, right and wrong ones. */
import type Server from 'pusher'

/** Status and body of a signed POST. */
export async function post(
  sdk: Server,
  path: string,
  body: unknown,
  params = {},
): Promise<[number, string]> {
  try {
    const response = await sdk.post({ path, body: body as never, params })
    return [response.status, await response.text()]
  } catch (refused) {
    const { status, body: text } = refused as { status: number; body: string }
    return [status, text]
  }
}

/** Makes the body of a trigger that is valid but for what `more` changes. */
export const makeEvent = (more: object = {}): object => ({
  name: 'e',
  channels: ['room'],
  data: 'x',
  ...more,
})

/** Makes the names of `count` channels. */
export const makeNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `room-${index}`)
