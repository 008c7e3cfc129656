/** Bundles: pages that run in the browser, built once, on the first request, and sent with gzip. */
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { HTMLBundle } from 'bun'

const compress = promisify(gzip) // off the event loop

/** For assets, whose names hold a hash of their content. */
const IMMUTABLE = 'public, max-age=31536000, immutable'

type Asset = {
  readonly type: string
  readonly plain: Uint8Array<ArrayBuffer>
  readonly packed: Uint8Array<ArrayBuffer>
}

/** What a page adds to its HTML. */
export type Frame = {
  readonly headers: (request: Request) => Readonly<Record<string, string>>
  readonly html: (request: Request, text: string) => string
}

export type Bundle = {
  /** `folder` is the beginning of the page's relative addresses: a proxy may have put a prefix in front. */
  readonly respondWithPage: (request: Request, folder: string, frame: Frame) => Response
  /** Undefined for one that is not there. */
  readonly respondWithAsset: (request: Request, name: string) => Response | undefined
}

/** A compiled binary brings the files; else they are built. */
export async function loadBundle({ files, index }: HTMLBundle): Promise<Bundle> {
  const built = files ?? (await build(index)).outputs
  const assets = new Map<string, Asset>()
  let text = ''
  for (const file of built) {
    const blob = 'text' in file ? file : Bun.file(file.path)
    const name = basename(file.path)
    if (name.endsWith('.html')) text = await blob.text()
    else assets.set(name, await readAsset(blob))
  }
  const htmlFor = (folder: string): string =>
    assets
      .keys()
      .reduce(
        (all, name) =>
          all.replaceAll(RegExp(`"\\.?/${RegExp.escape(name)}"`, 'g'), `"${folder}${name}"`),
        text,
      )
  return {
    respondWithPage: (request, folder, frame) =>
      new Response(frame.html(request, htmlFor(folder)), { headers: frame.headers(request) }),
    respondWithAsset: (request, name) => {
      const asset = assets.get(name)
      return asset && respondWith(asset, takesGzip(request))
    },
  }
}

/**
 * What a page imports when it needs it is a file of its own, found beside the one that imports it.
 * JSX is preact's whatever `tsconfig.json` is found: none is, where the server is an installed package. */
const build = (index: string) =>
  Bun.build({
    entrypoints: [index],
    minify: true,
    splitting: true,
    publicPath: './',
    jsx: { runtime: 'automatic', importSource: 'preact', development: false },
  })

async function readAsset(blob: Blob): Promise<Asset> {
  const plain = new Uint8Array(await blob.arrayBuffer())
  return { type: blob.type, plain, packed: new Uint8Array(await compress(plain)) }
}

function respondWith({ type, plain, packed }: Asset, isPacked: boolean): Response {
  const headers = { 'content-type': type, 'cache-control': IMMUTABLE, vary: 'accept-encoding' }
  return isPacked
    ? new Response(packed, { headers: { ...headers, 'content-encoding': 'gzip' } })
    : new Response(plain, { headers })
}

/** True where the client takes gzip: named, and not with a weight of nothing. */
export const takesGzip = ({ headers }: Request): boolean =>
  /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(
    headers.get('accept-encoding') ?? '',
  )
