/**
 * Ports: all that the server listens on, opened and closed together: the public port, the admins' address, the
 * port of the metrics.
 */
import type { Server } from 'bun'
import type { Bound } from './bind'
import type { ListenAddress } from './core/addresses'
import type { Apis } from './http/api'
import type { MetricsAccess } from './http/metrics-access'
import { listen, type Port } from './listen'
import { listenForAdmins } from './listen-admin'
import { listenForMetrics } from './metrics-port'
import type { Client } from './protocols/codec'

export type Ports = {
  /** Its topics are those of all sockets. */
  readonly server: Server<Client>
  /** Undefined where admins have no address of their own. */
  readonly adminAddress: ListenAddress | undefined
  /** Undefined where the metrics have no port of their own. */
  readonly metricsPort: number | undefined
  /** Ends all connections, or lets requests in flight finish. */
  readonly close: (atOnce: boolean) => Promise<unknown>
}

type Parts = Omit<Port, 'api'> & Apis & { readonly metrics: MetricsAccess }

/**
 * The public one last, so that no client is let in by a server that cannot start.
 * @throws AddressError, or the system's error where it is none of an address
 */
export async function openPorts(parts: Parts): Promise<Ports> {
  const { config, addresses, api, adminApi } = parts
  const opened: Pick<Server<unknown>, 'stop'>[] = []
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
    const server = await listen({ ...parts, api })
    opened.push(server)
    addresses.server = server
    return { server, adminAddress: admins?.address, metricsPort: metrics?.server.port, close }
  } catch (cause) {
    await close(true)
    throw cause
  }
}
