/** Publishes without HTTP, as backends of Pusher do. */
import type { App } from '../src/core/app'
import type { Core } from '../src/core/core'
import { publish as publishBy, type EventRequest } from '../src/core/publish'
import { PUSHER } from '../src/http/events'

export const publish = (core: Core, app: App, requests: readonly EventRequest[]) =>
  publishBy(core, app, requests, PUSHER)
