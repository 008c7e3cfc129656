/**
 * Ports: all that the server listens on, opened and closed together: the public port, the admins' address, the
 * port of the metrics.
 */
import type { Bound } from './bind'
import { Certificate } from './certificate'
import { publicAddress } from './config/admin-settings'
import { tlsFilesOf } from './config/tls-settings'
import type { ListenAddress } from './core/addresses'
import type { Apis } from './http/api'
import type { MetricsAccess } from './http/metrics-access'
import { listen, listenPlain, type Port } from './listen'
import { listenForAdmins } from './listen-admin'
import { listenForMetrics } from './metrics-port'
import type { PublicListeners } from './public-listeners'
import { renewal } from './renewal'

export type Ports = {
  /** Where clients connect. */
  readonly port: number
  /** Undefined where there is none without TLS. */
  readonly plainPort: number | undefined
  /** Undefined where admins have no address of their own. */
  readonly adminAddress: ListenAddress | undefined
  /** Undefined where the metrics have no port of their own. */
  readonly metricsPort: number | undefined
  /** Takes a certificate that has changed; called at each sweep. */
  readonly renew: () => void
  /** Ends all connections, or lets requests in flight finish. */
  readonly close: (atOnce: boolean) => Promise<unknown>
}

type Parts = Omit<Port, 'api' | 'certificate'> & Apis & { readonly metrics: MetricsAccess }

/**
 * The public one last, so that no client is let in by a server that cannot start.
 * @throws AddressError, CertificateError, or the system's error where it is none of an address
 */
export async function openPorts(parts: Parts): Promise<Ports> {
  const { config, addresses, api, adminApi, listeners } = parts
  const files = tlsFilesOf(config)
  const certificate = files && new Certificate(files)
  addresses.isTls = certificate !== undefined
  addresses.isUnix = 'path' in publicAddress(config)
  const opened: Pick<PublicListeners, 'stop'>[] = []
  const close = (atOnce: boolean) => Promise.all(opened.map((server) => server.stop(atOnce)))
  const add = (bound: Bound | undefined): Bound | undefined => {
    if (bound) opened.push(bound.server)
    return bound
  }
  try {
    const admins =
      config.adminListen && adminApi
        ? add(
            await listenForAdmins({ ...parts, api: adminApi, publicApi: api }, config.adminListen),
          )
        : undefined
    const metrics = add(await listenForMetrics(parts, adminApi ?? api, parts.metrics))
    const port = { ...parts, api, certificate }
    await listen(port)
    const plain =
      config.plainPort === undefined ? undefined : await listenPlain(port, config.plainPort)
    if (plain) opened.push(plain)
    opened.push(listeners)
    addresses.server = listeners
    return {
      port: listeners.port,
      plainPort: plain?.port,
      adminAddress: admins?.address,
      metricsPort: metrics?.server.port,
      renew: certificate ? renewal(port, certificate) : () => undefined,
      close,
    }
  } catch (cause) {
    await close(true)
    throw cause
  }
}
