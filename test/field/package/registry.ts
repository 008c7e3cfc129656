/**
 * A registry of packages on this machine, which has what the project has installed, and a stranger's `carillon`
 * as the public one may have: clients install as from any other, offline, and tests look at what they asked for.
 */
import { Glob } from 'bun'
import { dirname, join } from 'node:path'
import { ROOT } from '../../docs/pages'

type Manifest = { readonly name: string; readonly version: string }

/** A package that is installed here: its folder, and what its package.json says. */
type Installed = { readonly folder: string; readonly manifest: Manifest }

const MODULES = join(ROOT, 'node_modules')

/** Reads which packages are installed, in every version, by name. */
async function findInstalled(): Promise<Map<string, Installed[]>> {
  const byName = new Map<string, Installed[]>()
  for await (const file of new Glob('**/package.json').scan({
    cwd: MODULES,
    followSymlinks: false,
  })) {
    const name = dirname(file).split('node_modules/').at(-1)!
    const isPackage = name.split('/').length === (name.startsWith('@') ? 2 : 1)
    if (!isPackage) continue
    const manifest = (await Bun.file(join(MODULES, file)).json()) as Manifest
    const others = byName.get(name) ?? []
    byName.set(name, [...others, { folder: join(MODULES, dirname(file)), manifest }])
  }
  return byName
}

/** What nobody may install. */
const STRANGER: Installed = {
  folder: import.meta.dir,
  manifest: { name: 'carillon', version: '99.0.0' },
}

export class Registry {
  /** Names of packages that clients looked up. */
  readonly asked = new Set<string>()
  /** Names of those whose files they fetched. */
  readonly fetched = new Set<string>()
  readonly #installed: ReadonlyMap<string, readonly Installed[]>
  readonly #server: Bun.Server<undefined>

  static async open(): Promise<Registry> {
    return new Registry((await findInstalled()).set('carillon', [STRANGER]))
  }

  constructor(installed: ReadonlyMap<string, readonly Installed[]>) {
    this.#installed = installed
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => this.#respond(decodeURIComponent(new URL(url).pathname.slice(1))),
    })
  }

  get url(): string {
    return this.#server.url.href
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  /** A package's document at `/name`, the files of a version at `/name/-/version.tgz`. */
  #respond(path: string): Response {
    const [name = '', version] = path.split('/-/')
    this.asked.add(name)
    const installed = this.#installed.get(name)
    if (!installed) return new Response('{"error":"Not found"}', { status: 404 })
    if (version === undefined) return this.#describe(name, installed)
    this.fetched.add(name)
    const { folder } = installed.find(({ manifest }) => `${manifest.version}.tgz` === version)!
    return new Response(archive(folder))
  }

  #describe(name: string, installed: readonly Installed[]): Response {
    const versions = installed.map(({ manifest }) => {
      const tarball = `${this.url}${name}/-/${manifest.version}.tgz`
      return [manifest.version, { ...manifest, dist: { tarball } }] as const
    })
    const latest = installed
      .map(({ manifest }) => manifest.version)
      .toSorted(Bun.semver.order)
      .at(-1)
    return Response.json({
      name,
      'dist-tags': { latest },
      versions: Object.fromEntries(versions),
    })
  }
}

/** The files of a package as registries send them. */
function archive(folder: string): ReadableStream {
  const flags = ['--exclude=./node_modules', '--transform=s/^\\./package/']
  return Bun.spawn(['tar', 'czf', '-', '-C', folder, ...flags, '.'], { stdout: 'pipe' }).stdout
}
