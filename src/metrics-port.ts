/**
 * The port of the metrics: `/metrics` and `/usage` away from the clients, as soketi has them. It listens on an address
 * of its own settings, loopback unless they say otherwise, whatever `HOST` is: what is opened to clients is not opened
 * to readers of metrics with it. The same credentials are needed as on the port of the clients, unless the settings
 * open it.
 */
import { bindBeside, type Bound } from './bind'
import { SETTINGS, type Config } from './config/config'
import type { Addresses } from './http/address'
import type { AdminChanges } from './http/admin-changes'
import type { HttpApi } from './http/api'
import { CONTENT_TYPES, REQUEST_ID, requestIdFrom } from './http/headers'
import type { MetricsOptions } from './http/metrics'
import { MetricsAccess } from './http/metrics-access'
import { placeIn, route } from './http/place'
import type { MaybePromise } from './core/maybe-promise'
import type { Entrance } from './entrance'
import { readProcess } from './process-numbers'

export function metricsOptions(config: Config, changes: AdminChanges): MetricsOptions {
  return {
    access: new MetricsAccess(changes, config.metricsToken),
    readProcess,
    maxApps: config.metricsMaxApps,
    soketiPrefix: config.metricsSoketiPrefix,
    backupSeconds: config.backupPath === undefined ? undefined : config.backupEveryMinutes * 60,
  }
}

const PATHS: readonly string[] = ['/metrics', '/usage']

type MetricsPort = {
  readonly config: Config
  readonly addresses: Addresses
  readonly entrance: Entrance
}

/** Responds to a request of a port, whichever process has its socket. */
type Respond = (request: Request) => MaybePromise<Response>

/**
 * Undefined where the settings have no such port.
 * @throws AddressError, or the system's error where it is none of the address
 */
export async function listenForMetrics(
  { config, addresses, entrance }: MetricsPort,
  api: HttpApi,
  access: MetricsAccess,
): Promise<(Bound & { readonly respond: Respond }) | undefined> {
  const { metricsPort: port, metricsHost: host, metricsOpen, pathPrefix } = config
  if (port === undefined) return undefined
  const setting = SETTINGS.metricsPort.env
  const address = { host, port }
  const place = { address, setting, isShared: entrance.shares(address) }
  const respond = (request: Request): MaybePromise<Response> => {
    addresses.mark(request, bound)
    const found = placeIn(request, pathPrefix)
    if (!PATHS.includes(found.path)) return notFound(request)
    const answer = (): MaybePromise<Response> => {
      if (metricsOpen) access.admit(request)
      return api.fetch(route(request, found))
    }
    return entrance.isOpen ? answer() : entrance.answer(request, 'metrics', answer)
  }
  const bound = await bindBeside(place, (at) =>
    Bun.serve({
      ...at,
      development: false,
      fetch: respond,
    }),
  )
  return { ...bound, respond }
}

const notFound = ({ headers }: Request): Response =>
  new Response('Here are /metrics and /usage alone\n', {
    status: 404,
    headers: {
      'content-type': CONTENT_TYPES.text,
      [REQUEST_ID]: requestIdFrom(headers.get(REQUEST_ID)),
    },
  })
