/**
 * The address for admins, where they have one of their own: HTTP alone, with the same limits as the public port. An
 * upgrade is a request like any other.
 */
import { bindBeside, type Bound } from './bind'
import { SETTINGS } from './config/config'
import type { ListenAddress } from './core/addresses'
import type { MaybePromise } from './core/maybe-promise'
import type { HttpApi } from './http/api'
import { PUBLIC_FOLDERS } from './http/pages'
import { placeIn, readdress, route, type Place } from './http/place'
import { portOptions, respondToApi, type Responder } from './respond'

/** `api` is the admins'. */
export type AdminPort = Responder & { readonly publicApi: HttpApi }

/** @throws AddressError, or the system's error where it is none of the address */
export async function listenForAdmins(port: AdminPort, address: ListenAddress) {
  const { addresses, config, entrance, peers } = port
  const respond = (request: Request): MaybePromise<Response> => {
    addresses.mark(request, bound)
    const forward = peers?.forwardOfBrowser(request)
    if (forward) return port.inFlight.answer(request, () => forward(request, 'admin'))
    const answer = (): MaybePromise<Response> => {
      const place = placeIn(request, config.pathPrefix)
      const folder = publicFolderOf(port, place)
      return folder === undefined
        ? respondToApi(port, route(request, place))
        : respondAsPublic(port, request, place.path.slice(folder.length))
    }
    return entrance.isOpen ? answer() : entrance.answer(request, 'admin', answer)
  }
  const place = { address, setting: SETTINGS.adminListen.env, isShared: entrance.shares(address) }
  const bound: Bound = await bindBeside(place, (at) =>
    Bun.serve({ ...portOptions(port), ...at, fetch: respond }),
  )
  addresses.admins = bound
  return { ...bound, respond }
}

/** The folder of a page that the path is below, where the page is on. */
const publicFolderOf = ({ config }: AdminPort, { path }: Place): string | undefined =>
  PAGES.filter((page) => config[page] === 'on')
    .map((page) => PUBLIC_FOLDERS[page])
    .find((folder) => path.startsWith(`${folder}/`))

const PAGES = ['swagger', 'console'] as const

/** Responds as the public port would to a request of the page, but for sockets and their fallback. */
function respondAsPublic(port: AdminPort, request: Request, path: string): MaybePromise<Response> {
  const sent = readdress(request, path)
  const place = placeIn(sent, port.config.pathPrefix)
  return respondToApi({ ...port, api: port.publicApi }, route(sent, place))
}
