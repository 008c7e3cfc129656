/**
 * The bill of materials: all packages that a server is installed with, from `bun.lock`, as CycloneDX 1.6. The library
 * of that project writes such documents and reads no `bun.lock`, which is most of the work; the few fields are ours.
 */
import { join } from 'node:path'

/** A package of `bun.lock`: its name and version, where it is from, what it needs, and the hash of its file. */
type Locked = readonly [
  id: string,
  source: string,
  needs: {
    readonly dependencies?: Needs
    readonly optionalDependencies?: Needs
    readonly peerDependencies?: Needs
    readonly optionalPeers?: readonly string[]
  },
  integrity: string,
]
type Needs = Readonly<Record<string, string>>

export type Lock = { readonly packages: Readonly<Record<string, Locked>> }

type Manifest = {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly dependencies: Needs
}

export const readLock = async (folder: string): Promise<Lock> =>
  Bun.JSONC.parse(await Bun.file(join(folder, 'bun.lock')).text()) as Lock

/** The keys of all packages that these need, themselves included, in the order of the alphabet. */
export function findNeeded({ packages }: Lock, names: readonly string[]): string[] {
  const needed = new Set(names)
  for (const key of needed) for (const other of needsOf(packages, key)) needed.add(other)
  return [...needed].toSorted()
}

/** Keys of what a package needs. A peer that is optional is another package's business. */
function needsOf(packages: Lock['packages'], key: string): string[] {
  const [, , needs] = packages[key]!
  const { dependencies, optionalDependencies, peerDependencies, optionalPeers = [] } = needs
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !optionalPeers.includes(name))
  const names = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]
  return names.flatMap((name) => resolve(packages, key, name) ?? [])
}

/** The key of a package as another one finds it: installed below it, below one around it, or beside all. */
function resolve(packages: Lock['packages'], from: string, name: string): string | undefined {
  for (let at = from; at !== ''; at = at.replace(/(?:^|\/)(?:@[^/]+\/)?[^/]+$/, ''))
    if (`${at}/${name}` in packages) return `${at}/${name}`
  return name in packages ? name : undefined
}

/** The name and the version of `@scope/name@1.2.3`. */
function split(id: string): readonly [name: string, version: string] {
  const at = id.lastIndexOf('@')
  return [id.slice(0, at), id.slice(at + 1)]
}

const purlOf = (name: string, version: string): string =>
  `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`

/** The folder of a package, as `a/@b/c` of the lock has it. */
const folderOf = (key: string): string =>
  key.replace(/(?<=^|\/)(?:@[^/]+\/)?[^/]+/g, (name) => `node_modules/${name}`)

/** A licence as packages declare it: one of SPDX's, an expression of them, or some other words. */
const licensesOf = (license: unknown) => {
  if (typeof license !== 'string' || license === '') return []
  if (/ (?:AND|OR|WITH) /.test(license)) return [{ expression: license }]
  return [{ license: /^[\w.+-]+$/.test(license) ? { id: license } : { name: license } }]
}

/** The document of a checkout with installed packages. The day is that of the release, so that it is always the same. */
export async function billOfMaterials(folder: string, day: string) {
  const manifest = (await Bun.file(join(folder, 'package.json')).json()) as Manifest
  const lock = await readLock(folder)
  const keys = findNeeded(lock, Object.keys(manifest.dependencies))
  const refs = new Map(keys.map((key) => [key, purlOf(...split(lock.packages[key]![0]))]))
  const own = purlOf(manifest.name, manifest.version)
  const toRefs = (those: readonly string[]): string[] =>
    [...new Set(those.map((key) => refs.get(key)!))].toSorted()
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: `${day}T00:00:00Z`,
      component: {
        type: 'application',
        'bom-ref': own,
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        licenses: licensesOf(manifest.license),
        purl: own,
      },
    },
    components: await Promise.all(keys.map((key) => componentOf(folder, key, lock.packages[key]!))),
    dependencies: [
      { ref: own, dependsOn: toRefs(Object.keys(manifest.dependencies)) },
      ...keys.map((key) => ({
        ref: refs.get(key)!,
        dependsOn: toRefs(needsOf(lock.packages, key)),
      })),
    ],
  }
}

async function componentOf(folder: string, key: string, [id, , , integrity]: Locked) {
  const [name, version] = split(id)
  const file = Bun.file(join(folder, folderOf(key), 'package.json'))
  // Packages for other systems are not installed here.
  const { license } = (await file.exists()) ? ((await file.json()) as { license?: unknown }) : {}
  const [algorithm = '', digest = ''] = integrity.split(/-(.*)/)
  const purl = purlOf(name, version)
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    ...(license !== undefined && { licenses: licensesOf(license) }),
    purl,
    hashes: [
      {
        alg: algorithm.replace('sha', 'SHA-'),
        content: Buffer.from(digest, 'base64').toString('hex'),
      },
    ],
  }
}
