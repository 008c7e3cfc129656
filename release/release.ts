/**
 * Makes a release: `bun run release VERSION`. Builds everything from the commit that is checked out, in a copy, into
 * `dist/VERSION`, and says what it would write and publish (`--dry-run`, the default). `--write` writes version and changelog into the checkout,
 * `--publish` publishes, once a name on the registry is ours: `release.name` in package.json.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  buildArtifacts,
  copyCommit,
  describeArtifacts,
  run,
  TARGETS,
  whyNot,
  writeChangelog,
} from './artifacts'
import {
  CHANGELOG,
  cutSection,
  findSection,
  PLACES,
  versionMistake,
  writeVersion,
} from './versions'
import type { Section } from './versions'

const ROOT = join(import.meta.dir, '..')

type Manifest = { readonly version: string; readonly release: { readonly name: string } }

/** What is released, and from what. */
type Release = {
  readonly version: string
  readonly current: string
  readonly commit: string
  readonly section: Section
  /** The version stands everywhere already: somebody wrote and committed it. */
  readonly isWritten: boolean
  /** The name on the registry that is ours; empty where none is. */
  readonly name: string
}

const GREEN = '.ci/run | tail -1 | git notes --ref=tests add -f -F - HEAD'

/** Ends the script with lines that say why. */
function refuse(...lines: readonly string[]): never {
  for (const line of lines) console.error(`release: ${line}`)
  process.exit(1)
}

const git = (...args: readonly string[]): string => run(ROOT, 'git', ...args).trim()

/** Finds out what to release. Ends the script where it cannot be, with a line for each reason. */
async function check(version: string): Promise<Release> {
  const manifest = (await Bun.file(join(ROOT, 'package.json')).json()) as Manifest
  const changelog = await Bun.file(join(ROOT, CHANGELOG)).text()
  const day = git('log', '-1', '--format=%cs')
  const { version: current } = manifest
  const written = version === current ? findSection(changelog, version) : undefined
  const section = written ?? cutSection(changelog, version, day)
  const wrong = written === undefined ? versionMistake(version, current) : undefined
  const changed = git('status', '--porcelain')
  const mistakes = [
    ...(wrong === undefined ? [] : [wrong]),
    ...(section === undefined ? [`${CHANGELOG} has nothing under Unreleased`] : []),
    ...(changed === '' ? [] : [`commit or remove first: ${changed.split('\n').join(', ')}`]),
  ]
  if (mistakes.length > 0 || section === undefined) return refuse(...mistakes)
  const commit = git('rev-parse', 'HEAD')
  const isWritten = written !== undefined
  return { version, current, commit, section, isWritten, name: manifest.release.name }
}

/** Why nobody can say that the tests of the commit pass; undefined where a note of git says that they do. */
function whyNotGreen(commit: string): string | undefined {
  const found = Bun.spawnSync(['git', 'notes', '--ref=tests', 'show', commit], { cwd: ROOT })
  if (/^[1-9]\d* passed, 0 failed$/m.test(found.stdout.toString())) return undefined
  return `no note of this commit says that its tests passed: ${GREEN}`
}

/** Builds all of it into a folder. Returns the targets that were not built, each with the reason. */
async function build(
  release: Release,
  output: string,
  asked: readonly string[],
): Promise<string[]> {
  const { version, current, commit, section } = release
  const copy = mkdtempSync(join(tmpdir(), 'carillon-release-'))
  try {
    copyCommit(ROOT, commit, copy)
    await writeRelease(copy, { current, version, section })
    rmSync(output, { recursive: true, force: true })
    const reasons = TARGETS.map((target) => [target, whyNot(target, asked)] as const)
    const built = reasons.flatMap(([target, reason]) => (reason === undefined ? [target] : []))
    buildArtifacts(copy, output, built)
    await describeArtifacts(copy, output, version, section)
    return reasons.flatMap(([target, reason]) =>
      reason === undefined ? [] : [`${target}: ${reason}`],
    )
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Writes version and changelog below a folder, where they are not written already. */
async function writeRelease(
  folder: string,
  { current, version, section }: Pick<Release, 'current' | 'version' | 'section'>,
): Promise<void> {
  if (current !== version) await writeVersion(folder, current, version)
  await writeChangelog(folder, section)
}

/** Says what there is, and what would be done with it. */
function describe(release: Release, output: string, missing: readonly string[]): void {
  const { version, commit, isWritten, name } = release
  console.log(`Carillon ${version}, of the commit ${commit.slice(0, 10)}\n`)
  for (const file of readdirSync(output)) {
    const bytes = statSync(join(output, file)).size
    console.log(`  built      ${join(output, file)}  ${(bytes / 1e6).toFixed(2)} MB`)
  }
  for (const line of missing) console.log(`  not built  ${line}`)
  console.log(
    '  the same commit gives the same files, but for executables: these have paths in them\n',
  )
  const files = [...PLACES.map(([file]) => file), CHANGELOG].join(', ')
  console.log(isWritten ? 'Version and changelog are written.' : `--write would write ${files}.`)
  const what = `carillon-${version}.tgz`
  if (name === '') console.log(`--publish would refuse: ${NOT_OURS}`)
  else console.log(`--publish would publish ${what} as ${name}@${version}.`)
}

const NOT_OURS =
  'the name carillon on the registry is not ours; once it is, or a scope, write the name into release.name of package.json'

/** Publishes the package under the name that is ours. It is packed anew: in it the package has that name. */
function publish({ name, version }: Release, output: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-release-'))
  try {
    run(folder, 'tar', 'xzf', join(output, `carillon-${version}.tgz`))
    const file = join(folder, 'package/package.json')
    const packed = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const { private: _, release: __, scripts: ___, ...manifest } = packed
    writeFileSync(file, JSON.stringify({ ...manifest, name }, null, 2))
    run(join(folder, 'package'), 'npm', 'publish', '--access', 'public')
    console.log(`published ${name}@${version}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const USAGE =
  'usage: bun run release VERSION [--target TARGET|none]... [--dry-run] [--write] [--publish]'

/** Reads the command line. Ends the script where it is wrong. */
function readArguments() {
  try {
    return parseArgs({
      args: process.argv.slice(2),
      allowPositionals: true,
      options: {
        write: { type: 'boolean', default: false },
        publish: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        target: { type: 'string', multiple: true, default: [] },
      },
    })
  } catch {
    return refuse(USAGE) // an option that there is not
  }
}

const { values, positionals } = readArguments()
process.umask(0o022) // else what is written and compiled would be packed with the rights of this user's files
const [version] = positionals
const [writes, publishes] = [values.write, values.publish].map((is) => is && !values['dry-run'])
if (version === undefined || positionals.length > 1) refuse(USAGE)
const unknown = values.target.filter((target) => ![...TARGETS, 'none'].includes(target))
if (unknown.length > 0) refuse(`there is no target ${unknown.join(', ')}: ${TARGETS.join(', ')}`)
const release = await check(version)
const reason = whyNotGreen(release.commit)
if (publishes && release.name === '') refuse(NOT_OURS)
if (publishes && !release.isWritten) refuse(`${version} is not committed: --write writes it`)
if ((writes || publishes) && reason !== undefined) refuse(reason)
const output = join(ROOT, 'dist', version)
const missing = await build(release, output, values.target)
describe(release, output, missing)
if (reason !== undefined) console.log(`\n${reason}`)
if (writes) {
  await writeRelease(ROOT, release)
  console.log(`written: commit it as "release: ${version}", and tag it v${version}`)
}
if (publishes) publish(release, output)
