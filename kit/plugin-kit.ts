/**
 * For tests of plugins (as `carillon/plugin-kit`): `serve` runs a real server with the plugin, and
 * `testPlugin` checks what every plugin promises.
 */
export { Inbox, RawClient, waitFor as within, type Closing, type RawOptions } from './client'
export { ManualClock, MemoryLog } from './clock'
export { testPlugin, type ContractOptions as Promises } from './contract'
export { Kit, serve, type EventToTrigger, type ServeOptions } from './server'
