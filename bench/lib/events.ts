/**
 * The bodies that a load posts. `data` must need no escaping.
 */
export const EVENT_NAME = 'bench'

export function makeEventBody(channels: readonly string[], data: string): string {
  return `{"name":"${EVENT_NAME}","channels":${JSON.stringify(channels)},"data":"${data}"}`
}

/** Makes the body of a batch: one event on each channel. */
export function makeBatchBody(channels: readonly string[], data: string): string {
  const batch = channels.map((channel) => ({ name: EVENT_NAME, channel, data }))
  return JSON.stringify({ batch })
}
