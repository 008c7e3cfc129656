/**
 * The app that every bench talks to: the published development credentials, which a server on
 * loopback accepts, and the one event that is published.
 */
export const HOST = '127.0.0.1'
export const APP = { id: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' } as const
export const SOCKET_PATH = `/app/${APP.key}`
export const APP_PATH = `/apps/${APP.id}`
export const EVENTS_PATH = `${APP_PATH}/events`
export const EVENT_NAME = 'bench'
/** The channel of the fan-out; with it in place, the data of every frame begins at the same byte. */
export const CHANNEL = 'fanout'

export type Side = 'carillon' | 'bare'

/** The body of a trigger; `data` must need no escaping. */
export function eventBody(channels: readonly string[], data: string): string {
  return `{"name":"${EVENT_NAME}","channels":${JSON.stringify(channels)},"data":"${data}"}`
}
