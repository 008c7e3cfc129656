/**
 * The address for admins, where they have one of their own: HTTP alone, with the same limits as the public port. An
 * upgrade is a request like any other.
 */
import { bindBeside, type Bound } from './bind'
import { SETTINGS } from './config/config'
import type { ListenAddress } from './core/addresses'
import type { MaybePromise } from './core/maybe-promise'
import type { HttpApi } from './http/api'
import { PUBLIC_FOLDER } from './http/pages'
import { placeIn, readdress, route, type Place } from './http/place'
import { portOptions, respondToApi, type Responder } from './respond'

/** `api` is the admins'. */
export type AdminPort = Responder & { readonly publicApi: HttpApi }

/** @throws AddressError, or the system's error where it is none of the address */
export async function listenForAdmins(port: AdminPort, address: ListenAddress): Promise<Bound> {
  const { addresses, config } = port
  const bound = await bindBeside({ address, setting: SETTINGS.adminListen.env }, (at) =>
    Bun.serve({
      ...portOptions(port),
      ...at,
      fetch(request) {
        addresses.mark(request, bound)
        const place = placeIn(request, config.pathPrefix)
        return isPublic(port, place)
          ? respondAsPublic(port, request, place.path.slice(PUBLIC_FOLDER.length))
          : respondToApi(port, route(request, place))
      },
    }),
  )
  addresses.admins = bound
  return bound
}

const isPublic = ({ config }: AdminPort, { path }: Place): boolean =>
  config.swagger === 'on' && path.startsWith(`${PUBLIC_FOLDER}/`)

/** Responds as the public port would to a request of the page, but for sockets and their fallback. */
function respondAsPublic(port: AdminPort, request: Request, path: string): MaybePromise<Response> {
  const sent = readdress(request, path)
  const place = placeIn(sent, port.config.pathPrefix)
  return respondToApi({ ...port, api: port.publicApi }, route(sent, place))
}
