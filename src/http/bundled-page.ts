/**
 * A page that runs in the browser: bundled once, when somebody asks, and served like everything
 * else, so that its answers carry what every answer carries.
 */
import { basename } from 'node:path'
import type { HTMLBundle } from 'bun'
import { Elysia, NotFoundError } from 'elysia'
import { once } from '../core/faults'
import { PAGE_HEADERS } from './page'
import { folderOf } from './place'

/** The page's HTML, by what its addresses begin with; and what it loads, by name. */
type Bundle = {
  readonly html: (folder: string) => string
  readonly assets: ReadonlyMap<string, Blob>
}

/** Serves a page at `path` (with and without a slash at its end) and what it loads below; documented once. */
export function bundledPage(path: string, bundle: HTMLBundle, detail: object) {
  const load = once(() => bundleOf(bundle))
  const html = async ({ request }: { readonly request: Request }) =>
    new Response((await load()).html(folderOf(request)), { headers: PAGE_HEADERS })
  const hidden = { detail: { hide: true } }
  return new Elysia()
    .get(path, html, { detail })
    .get(`${path}/`, html, hidden)
    .get(
      `${path}/:asset`,
      async ({ params }) => {
        const asset = (await load()).assets.get(params.asset)
        if (!asset) throw new NotFoundError()
        return new Response(asset, { headers: { 'cache-control': FOR_EVER } })
      },
      hidden,
    )
}

/** The names hold a hash of the content. */
const FOR_EVER = 'public, max-age=31536000, immutable'

async function bundleOf(bundle: HTMLBundle): Promise<Bundle> {
  const files = bundle.files ? filesOf(bundle.files) : await built(bundle.index)
  const page = files.find(({ name }) => name.endsWith('.html'))!
  const assets = new Map(
    files.filter((file) => file !== page).map((file) => [file.name, file.blob]),
  )
  const text = await page.blob.text()
  const html = (folder: string): string =>
    Array.from(assets.keys()).reduce(
      (all, name) => all.replaceAll(`"/${name}"`, `"${folder}${name}"`),
      text,
    )
  return { html, assets }
}

type BundledFile = { readonly name: string; readonly blob: Blob }

/** A compiled binary brings its pages bundled. */
const filesOf = (files: NonNullable<HTMLBundle['files']>): BundledFile[] =>
  files.map(({ path }) => ({ name: basename(path), blob: Bun.file(path) }))

async function built(index: string): Promise<BundledFile[]> {
  const { outputs } = await Bun.build({ entrypoints: [index], minify: true, publicPath: '/' })
  return outputs.map((output) => ({ name: basename(output.path), blob: output }))
}
