/**
 * Ports: all that the server listens on, opened and closed together: the public port, the admins' address, the
 * port of the metrics.
 */
import { removalOf, type Bound } from './bind'
import { Certificate } from './certificate'
import { publicAddress } from './config/admin-settings'
import { tlsFilesOf } from './config/tls-settings'
import type { ListenAddress } from './core/addresses'
import type { Apis } from './http/api'
import type { MetricsAccess } from './http/metrics-access'
import type { MaybePromise } from './core/maybe-promise'
import { spotOf, type Spot, type Way } from './entrance'
import { listen, listenPlain, respondIn, type Port } from './listen'
import { listenForAdmins } from './listen-admin'
import { listenForMetrics } from './metrics-port'
import { renewal } from './renewal'
import { steerNowhere } from './takeover/steering'

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
  /** Responds to a request of which another process has the socket. */
  readonly respondTo: (way: Way, request: Request) => MaybePromise<Response>
  /** The numbers of all that have one. */
  readonly numbers: readonly number[]
  /** These, and the files of sockets. */
  readonly spots: readonly Spot[]
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
  const opened: { readonly port: number | undefined; stop(atOnce: boolean): unknown }[] = []
  // What has no port has a file, whose name is another process's once that serves.
  const isOurs = ({ port }: { readonly port: number | undefined }): boolean =>
    Boolean(port) || !parts.entrance.hasMoved
  let removals: readonly (() => void)[] = []
  const close = (atOnce: boolean) => {
    for (const remove of removals) remove()
    return Promise.all(opened.filter(isOurs).map((server) => server.stop(atOnce)))
  }
  const add = <Added extends Bound>(bound: Added | undefined): Added | undefined => {
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
    const files = [publicAddress(config), config.adminListen].filter(
      (at) => at !== undefined && 'path' in at,
    )
    removals = files.map(({ path }) => removalOf(path))
    const responders: Readonly<Record<Way, (request: Request) => MaybePromise<Response>>> = {
      public: respondIn(port, false),
      plain: (request) => {
        addresses.markPlain(request)
        return respondIn(port, true)(request)
      },
      admin: (request) => admins?.respond(request) ?? gone(),
      metrics: (request) => metrics?.respond(request) ?? gone(),
    }
    const numbers = opened.flatMap((server) => server.port || [])
    if (parts.entrance.isAmongOthers) steerNowhere(numbers) // who has left steered connections to the others
    return {
      respondTo: (way, request) => responders[way](request),
      numbers,
      spots: [...numbers, ...files.map(spotOf)],
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

/** The new settings have no such listener. */
const gone = (): Response => new Response(null, { status: 404 })
