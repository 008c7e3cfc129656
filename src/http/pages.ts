/**
 * Pages for people: the start page at `/`, and those that run in the browser: the reference at `/swagger`, the
 * console at `/console`. They are served by routes like all others, so that their answers carry what every answer
 * carries.
 */
import type { HTMLBundle } from 'bun'
import { Elysia, NotFoundError } from 'elysia'
import { once } from '../core/faults'
import { hostWithoutPort, type Addresses } from './address'
import { loadBundle } from './bundle'
import { CONTENT_TYPES } from './headers'
import type { Locality } from './local'
import { HTML_ANSWER } from './openapi'
import { folderOf, missingPrefix } from './place'

/** Headers of every page: no other site may show it in a frame, where clicks could be stolen. */
export const PAGE_HEADERS = {
  'content-type': CONTENT_TYPES.html,
  'content-security-policy': "frame-ancestors 'none'",
  'x-frame-options': 'DENY',
} as const

// ---------------------------------------------------------------- the start page

const CONSOLE_LINKS = [
  { href: 'console', text: 'Console', about: 'what happens here, and the apps to change' },
]
const REFERENCE_LINKS = [
  { href: 'swagger', text: 'API reference', about: 'try requests out; they are signed here' },
  { href: 'swagger/json', text: 'OpenAPI document', about: 'the same for programs' },
]
const LINKS = [
  { href: 'up', text: '/up', about: 'liveness' },
  { href: 'ready', text: '/ready', about: 'readiness' },
]

const FOR_ALL = `Pusher clients connect to <code>/app/KEY</code> on this address;
Pusher server SDKs call <code>/apps/ID/events</code>. The terminal that started the server shows the
credentials and a client snippet.`
const FOR_ADMINS = 'This is its address for admins: clients and server SDKs have another one.'

export type StartPage = {
  /** True for the address of admins, where they have one of their own. */
  readonly isForAdmins: boolean
  readonly hasReference: boolean
  readonly hasConsole: boolean
}

/** `folder` is the beginning of its addresses: a proxy, or the settings, may have put a prefix in front. */
export function startPage(
  folder: string,
  { isForAdmins, hasReference, hasConsole }: StartPage,
): string {
  const shown = [
    ...(hasConsole ? CONSOLE_LINKS : []),
    ...(hasReference ? REFERENCE_LINKS : []),
    ...LINKS,
  ]
  const links = shown.map(
    ({ href, text, about }) => `<li><a href="${folder}${href}">${text}</a> – ${about}</li>`,
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Carillon</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
  body { max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem }
  h1 { font-size: 1.6rem; margin-bottom: 0.3rem }
  code { background: color-mix(in srgb, currentColor 10%, transparent); padding: 0.1em 0.35em; border-radius: 4px }
</style>
<h1>Carillon</h1>
<p>A self-hosted realtime push server. ${isForAdmins ? FOR_ADMINS : FOR_ALL}</p>
<ul>
${links.join('\n')}
</ul>
</html>
`
}

// ---------------------------------------------------------------- pages that run in the browser

/**
 * Below them the address for admins answers as the public one does, so that its pages can use these routes. To the
 * browser that one would be another origin, and nobody knows by which URL it could be reached from there.
 */
export const PUBLIC_FOLDERS = { swagger: '/swagger/public', console: '/console/public' } as const

/** The published development credentials; those of a server that has others are absent. */
export type PublishedCredentials = {
  readonly [Field in 'appId' | 'key' | 'secret' | 'username' | 'password']?: string
}

export type BrowserPage = {
  readonly page: HTMLBundle
  /** The page is filled with them for local requests. */
  readonly published: PublishedCredentials
  readonly locality: Locality
}

type PageText = {
  readonly path: '/swagger' | '/console'
  readonly detail: {
    readonly operationId: string
    readonly summary: string
    readonly description: string
  }
  /** Headers of the page itself, and its HTML for a request. */
  readonly headers: (request: Request) => Readonly<Record<string, string>>
  readonly html: (request: Request, text: string) => string
}

/** Routes of a page, with and without a slash at the end, and of its assets; documented once. */
function browserPage({ page, published, locality }: BrowserPage, own: PageText) {
  const { path } = own
  const load = once(() => loadBundle(page))
  const html = async ({ request }: { readonly request: Request }) =>
    (await load()).respondWithPage(request, folderOf(request), own)
  const defaults = ({ request }: { readonly request: Request }): PublishedCredentials => {
    if (Object.keys(published).length > 0) locality.requireLocal(request)
    return published
  }
  const hidden = { detail: { hide: true } }
  return new Elysia()
    .get(`${path}/defaults`, defaults, hidden)
    .get(path, html, { detail: { tags: ['operations'], ...own.detail, ...HTML_ANSWER } })
    .get(`${path}/`, html, hidden)
    .get(
      `${path}/:asset`,
      async ({ params, request }) => {
        const answer = (await load()).respondWithAsset(request, params.asset)
        if (!answer) throw new NotFoundError()
        return answer
      },
      hidden,
    )
}

/** The reference at `/swagger`. */
export const reference = (options: BrowserPage) =>
  browserPage(options, {
    path: '/swagger',
    detail: {
      operationId: 'showReference',
      summary: 'The reference, to be explored in a browser',
      description: 'Swagger UI, which signs what is tried out. No other host is asked.',
    },
    headers: () => PAGE_HEADERS,
    html: (_, text) => text,
  })

export type Console = BrowserPage & {
  readonly pathPrefix: string
  /** `CARILLON_PUBLIC_URL`, where it is set. */
  readonly publicUrl: string | undefined
  readonly addresses: Addresses
  /** The page links it. */
  readonly hasReference: boolean
}

/** The console at `/console`. It knows where clients connect, and may connect there, but to no other host. */
export function console(options: Console) {
  const { pathPrefix, publicUrl, addresses, hasReference } = options
  const clientsAt = (request: Request): string | undefined => {
    if (publicUrl !== undefined || !addresses.listenerOf(request) || addresses.isUnix)
      return publicUrl
    const scheme = addresses.isTls ? 'https' : 'http'
    // The client may have sent anything, and it goes into HTML and the policy.
    const host = hostWithoutPort(request.headers.get('host') ?? '')
    const at = `${scheme}://${host}:${addresses.port}${pathPrefix}`
    return host !== undefined && URL.canParse(at) ? at : undefined
  }
  return browserPage(options, {
    path: '/console',
    detail: {
      operationId: 'showConsole',
      summary: 'The console, for a browser',
      description: 'What happens on this server, and the apps to change. No other host is asked.',
    },
    headers: (request) => {
      const at = clientsAt(request)
      const sockets = at === undefined ? '' : ` ${new URL(at).origin.replace(/^http/, 'ws')}`
      return { ...PAGE_HEADERS, 'content-security-policy': `${CONSOLE_POLICY}${sockets}` }
    },
    html: (request, text) => {
      const data = {
        prefix: missingPrefix(request, pathPrefix),
        public: clientsAt(request) ?? '',
        split: addresses.listenerOf(request) ? 'true' : '',
        reference: hasReference ? 'true' : '',
      }
      const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${value}"`)
      return text.replace('<html', `<html${attributes.join('')}`)
    },
  })
}

/** Ends with the sources to connect to, which more may follow. */
const CONSOLE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'"
