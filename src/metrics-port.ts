/**
 * The port of the metrics: `/metrics` and `/usage` away from the clients, as soketi has them. It listens on an address
 * of its own settings, loopback unless they say otherwise, whatever `HOST` is: what is opened to clients is not opened
 * to readers of metrics with it. The same credentials are needed as on the port of the clients, unless the settings
 * open it.
 */
import type { Server } from 'bun'
import type { Config } from './config/config'
import type { AdminChanges } from './http/admin-changes'
import type { HttpApi } from './http/api'
import { CONTENT_TYPES, REQUEST_ID, requestIdFrom } from './http/headers'
import type { MetricsOptions } from './http/metrics'
import { MetricsAccess } from './http/metrics-access'
import { pathOf, placeOf, route } from './http/place'
import { readProcess } from './process-numbers'

export function metricsOptions(config: Config, changes: AdminChanges): MetricsOptions {
  return {
    access: new MetricsAccess(changes, config.metricsToken),
    readProcess,
    maxApps: config.metricsMaxApps,
    soketiPrefix: config.metricsSoketiPrefix,
  }
}

const PATHS: readonly string[] = ['/metrics', '/usage']

/** Undefined where the settings have no such port. @throws the system's error for the address */
export function listenForMetrics(
  { metricsPort, metricsHost, metricsOpen, pathPrefix }: Config,
  api: HttpApi,
  access: MetricsAccess,
): Server<undefined> | undefined {
  if (metricsPort === undefined) return undefined
  return Bun.serve({
    port: metricsPort,
    hostname: metricsHost,
    development: false,
    reusePort: false, // outside development it would be on
    fetch(request) {
      const place = placeOf(pathOf(request.url), pathPrefix)
      if (!PATHS.includes(place.path)) return notFound(request)
      if (metricsOpen) access.admit(request)
      return api.fetch(route(request, place))
    },
  })
}

const notFound = ({ headers }: Request): Response =>
  new Response('Here are /metrics and /usage alone\n', {
    status: 404,
    headers: {
      'content-type': CONTENT_TYPES.text,
      [REQUEST_ID]: requestIdFrom(headers.get(REQUEST_ID)),
    },
  })
