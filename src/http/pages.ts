/**
 * Pages for people: the start page at `/`, and the reference at `/swagger`, which runs in the browser. A
 * bundle is built once, on the first request, and served by routes like all others, so that its answers
 * carry what every answer carries.
 */
import { basename } from 'node:path'
import type { HTMLBundle } from 'bun'
import { Elysia, NotFoundError } from 'elysia'
import { once } from '../core/faults'
import { CONTENT_TYPES } from './headers'
import type { Locality } from './local'
import { HTML_ANSWER } from './openapi'
import { folderOf } from './place'

/** Headers of every page: no other site may show it in a frame, where clicks could be stolen. */
export const PAGE_HEADERS = {
  'content-type': CONTENT_TYPES.html,
  'content-security-policy': "frame-ancestors 'none'",
  'x-frame-options': 'DENY',
} as const

// ---------------------------------------------------------------- the start page

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
}

/** `folder` is the beginning of its addresses: a proxy, or the settings, may have put a prefix in front. */
export function startPage(folder: string, { isForAdmins, hasReference }: StartPage): string {
  const links = [...(hasReference ? REFERENCE_LINKS : []), ...LINKS].map(
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

// ---------------------------------------------------------------- the reference

/**
 * Below it the address for admins answers as the public one does, so that the page can try these routes out. To
 * the browser that one would be another origin, and nobody knows by which URL it could be reached from there.
 */
export const PUBLIC_FOLDER = '/swagger/public'

/** The published development credentials; those of a server that has others are absent. */
export type PublishedCredentials = {
  readonly [Field in 'appId' | 'key' | 'secret' | 'username' | 'password']?: string
}

export type Reference = {
  readonly page: HTMLBundle
  /** The page is filled with them for local requests. */
  readonly published: PublishedCredentials
  readonly locality: Locality
}

/** Routes of the reference, with and without a slash at the end, and of its assets; documented once. */
export function reference({ page, published, locality }: Reference) {
  const load = once(() => loadBundle(page))
  const html = async ({ request }: { readonly request: Request }) =>
    new Response((await load()).html(folderOf(request)), { headers: PAGE_HEADERS })
  const defaults = ({ request }: { readonly request: Request }): PublishedCredentials => {
    if (Object.keys(published).length > 0) locality.requireLocal(request)
    return published
  }
  const hidden = { detail: { hide: true } }
  return new Elysia()
    .get('/swagger/defaults', defaults, hidden)
    .get('/swagger', html, {
      detail: {
        tags: ['operations'],
        operationId: 'showReference',
        summary: 'The reference, to be explored in a browser',
        description: 'Swagger UI, which signs what is tried out. No other host is asked.',
        ...HTML_ANSWER,
      },
    })
    .get('/swagger/', html, hidden)
    .get(
      '/swagger/:asset',
      async ({ params }) => {
        const asset = (await load()).assets.get(params.asset)
        if (!asset) throw new NotFoundError()
        return new Response(asset, { headers: { 'cache-control': IMMUTABLE } })
      },
      hidden,
    )
}

/** For assets, whose names hold a hash of their content. */
const IMMUTABLE = 'public, max-age=31536000, immutable'

/** The page's HTML, by the beginning of its addresses, and its assets by name. A compiled binary brings them. */
async function loadBundle({ files, index }: HTMLBundle) {
  const built =
    files ?? (await Bun.build({ entrypoints: [index], minify: true, publicPath: '/' })).outputs
  const assets = new Map(
    built.map((file) => [basename(file.path), 'text' in file ? file : Bun.file(file.path)]),
  )
  const [page = ''] = assets.keys().filter((name) => name.endsWith('.html'))
  const text = await assets.get(page)!.text()
  assets.delete(page)
  const html = (folder: string): string =>
    assets.keys().reduce((all, name) => all.replaceAll(`"/${name}"`, `"${folder}${name}"`), text)
  return { html, assets }
}
