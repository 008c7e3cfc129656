/**
 * For tests of plugins (as `carillon/plugin-kit`): `serve` runs a real server with the plugin, and
 * `testPlugin` checks what every plugin promises.
 */
export { Inbox, RawClient, within, type Closing, type RawOptions } from './kit/client'
export { ManualClock, MemoryLog } from './kit/clock'
export { testPlugin, type Promises } from './kit/contract'
export { Kit, serve, type EventToTrigger, type ServeOptions } from './kit/server'
