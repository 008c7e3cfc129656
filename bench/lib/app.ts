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

/** SIDES: who can be asked. */
export const SIDES = {
  /** Without plugins. */
  carillon: { script: 'src/index.ts', config: 'bench/lib/no-plugins.ts' },
  /** As `bun run server` starts it. */
  shipped: { script: 'src/index.ts', config: 'carillon.config.ts' },
  /** With ten plugins whose hooks do nothing. */
  empty: { script: 'src/index.ts', config: 'bench/lib/empty-plugins.ts' },
  /** A hand-written `Bun.serve`. */
  bare: { script: 'bench/lib/bare.ts', config: '' },
} as const

export type Side = keyof typeof SIDES

/** The body of a trigger; `data` must need no escaping. */
export function eventBody(channels: readonly string[], data: string): string {
  return `{"name":"${EVENT_NAME}","channels":${JSON.stringify(channels)},"data":"${data}"}`
}
