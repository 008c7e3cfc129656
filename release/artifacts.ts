/** What a release consists of, built in a copy of a commit: package, executables, bill of materials, notes, checksums. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { billOfMaterials } from './sbom'
import { CHANGELOG, type Section } from './versions'

/** TARGETS: the executables, as the runtime names their targets. */
export const TARGETS = [
  'bun-linux-x64',
  'bun-linux-arm64',
  'bun-linux-x64-musl',
  'bun-linux-arm64-musl',
  'bun-darwin-x64',
  'bun-darwin-arm64',
] as const

/** The target that is this machine, by the C library that the runtime was made for. */
const OWN_TARGET = [
  'bun',
  process.platform,
  process.arch,
  ...(process.report && !isGlibc() && process.platform === 'linux' ? ['musl'] : []),
].join('-')

function isGlibc(): boolean {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime !== undefined
}

export const SUMS = 'SHA256SUMS'
export const NOTES = 'RELEASE_NOTES.md'

/** Runs a command and returns what it prints. @throws Error with what it says when it fails */
export function run(cwd: string, ...command: readonly string[]): string {
  const env = { ...process.env, LC_ALL: 'C' }
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { cwd, env })
  if (exitCode === 0) return stdout.toString()
  throw new Error(`${command.join(' ')} exited with ${exitCode}: ${stderr.toString().trim()}`)
}

/** Copies the files of a commit into a folder, with rights that no setting of git changes. */
export function copyCommit(checkout: string, commit: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  const archive = join(folder, 'commit.tar')
  run(checkout, 'git', '-c', 'tar.umask=0022', 'archive', '--output', archive, commit)
  run(folder, 'tar', 'xf', archive)
  rmSync(archive)
}

/** Writes the changelog of a section. */
export const writeChangelog = (folder: string, { changelog }: Section): Promise<number> =>
  Bun.write(join(folder, CHANGELOG), changelog)

/** Why an executable is not built: it needs a download that nobody asked for. Undefined for one that is. */
export function whyNot(target: string, asked: readonly string[]): string | undefined {
  if (asked.includes('none')) return 'none was asked for'
  if (target === OWN_TARGET || asked.includes(target)) return undefined
  const cache = process.env['BUN_INSTALL_CACHE_DIR'] ?? join(homedir(), '.bun/install/cache')
  const file = `${target.replace('arm64', 'aarch64')}-v${Bun.version}`
  if (statSync(join(cache, file), { throwIfNoEntry: false })?.isFile()) return undefined
  return `its runtime is not on this machine: --target ${target} fetches it`
}

/** Packs a copy, and builds its executables. */
export function buildArtifacts(copy: string, output: string, targets: readonly string[]): void {
  mkdirSync(output, { recursive: true })
  run(copy, process.execPath, 'pm', 'pack', '--quiet', '--destination', output)
  const { version } = JSON.parse(run(copy, 'cat', 'package.json')) as { version: string }
  for (const target of targets) {
    const name = `carillon-${version}-${target.replace('bun-', '')}`
    run(copy, process.execPath, 'release/build.ts', join(output, name), target)
  }
}

/** Writes the bill of materials, then the checksums of all, then the notes, which quote these. */
export async function describeArtifacts(
  copy: string,
  output: string,
  version: string,
  section: Section,
): Promise<void> {
  const bill = await billOfMaterials(copy, section.date)
  const text = `${JSON.stringify(bill, null, 2)}\n`
  await Bun.write(join(output, `carillon-${version}.cdx.json`), text)
  const sums: string[] = []
  for (const name of readdirSync(output).toSorted()) {
    const hash = new Bun.CryptoHasher('sha256')
    hash.update(await Bun.file(join(output, name)).arrayBuffer())
    sums.push(`${hash.digest('hex')}  ${name}\n`)
  }
  await Bun.write(join(output, SUMS), sums.join(''))
  await Bun.write(join(output, NOTES), notesOf(version, section, sums.join('')))
}

const notesOf = (version: string, { date, text }: Section, sums: string): string =>
  `# Carillon ${version} (${date})

Before an upgrade make a backup: docs/upgrades.md says how, and how to go back.

${text}

## Checksums

\`sha256sum --check ${SUMS}\` compares the files with these:

\`\`\`
${sums}\`\`\`
`
