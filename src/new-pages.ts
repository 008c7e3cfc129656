/** The pages that a server has, as the settings say: the reference and the console. */
import type { Config } from './config/config'
import type { Addresses } from './http/address'
import type { ApiOptions } from './http/api'
import type { Locality } from './http/local'
import consolePage from './pages/console/index.html'
import swaggerPage from './pages/swagger/index.html'

type Parts = {
  /** Credentials that anybody may know. */
  readonly published: NonNullable<ApiOptions['console']>['published']
  readonly locality: Locality
  readonly addresses: Addresses
}

/** Undefined where a page is off. */
export function pagesOf(
  { swagger, console, pathPrefix, publicUrl }: Config,
  { published, locality, addresses }: Parts,
): Pick<ApiOptions, 'reference' | 'console'> {
  const hasReference = swagger === 'on'
  const shown = { published, locality, addresses, pathPrefix, publicUrl, hasReference }
  return {
    reference: hasReference ? { page: swaggerPage, published, locality } : undefined,
    console: console === 'on' ? { page: consolePage, ...shown } : undefined,
  }
}
