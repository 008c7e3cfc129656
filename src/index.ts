/**
 * The entry: answers what it is asked for on the command line, or serves. What it imports itself needs no
 * package, so that it can say when there is none.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { dependencies, engines, version } from '../package.json'

const USAGE = `Carillon ${version}, a realtime push server

  bun run server               installs what is needed and starts
  bun src/index.ts             starts
  bun src/index.ts --help      shows this (-h)
  bun src/index.ts --version   shows the version (-v)

Settings are environment variables; docs/settings.md has the table of all.`

const help = async (): Promise<string> => {
  const some = missing === undefined ? (await import('./config/config')).someSettings() : []
  return some.length > 0 ? [`${USAGE} Some:`, '', ...some].join('\n') : USAGE
}

const ANSWERS: Readonly<Record<string, () => string | Promise<string>>> = {
  '--help': help,
  '-h': help,
  '--version': () => version,
  '-v': () => version,
}

/** What is asked for instead of a server. Exits with 2 for what nobody knows. */
function asked(args: readonly string[]): (() => string | Promise<string>) | undefined {
  const unknown = args.find((arg) => !Object.hasOwn(ANSWERS, arg))
  if (unknown !== undefined)
    fail(2, `${JSON.stringify(unknown)}: unknown argument; --help says which there are`)
  return ANSWERS[args[0] ?? '']
}

/** The first package that is not installed, here or in a folder above, as the runtime looks for it. */
function missingPackage(): string | undefined {
  const folders: string[] = []
  for (let folder = import.meta.dir; dirname(folder) !== folder; folder = dirname(folder))
    folders.push(join(folder, 'node_modules'))
  const isThere = (name: string): boolean =>
    folders.some((folder) => existsSync(join(folder, name)))
  return Object.keys(dependencies).find((name) => !isThere(name))
}

function fail(status: number, line: string): never {
  process.stderr.write(`carillon: ${line}\n`)
  process.exit(status)
}

if (!Bun.semver.satisfies(Bun.version, engines.bun))
  fail(1, `Bun ${Bun.version} is too old: it must be ${engines.bun}, which delivers every message`)
process.stdout.on('error', () => undefined) // who read is gone, or a disk is full
const answer = asked(process.argv.slice(2))
// Without packages the runtime would fetch some by itself, of no version that was tried, or fail. A bundle has them.
const missing = import.meta.file === 'index.ts' ? missingPackage() : undefined
if (answer) {
  process.stdout.write(`${await answer()}\n`)
} else {
  if (missing !== undefined)
    fail(
      1,
      `the package ${missing} is not installed: run \`bun install --frozen-lockfile\` in ${dirname(import.meta.dir)}, or \`bun run server\``,
    )
  const { serve } = await import('./serve')
  await serve()
}
