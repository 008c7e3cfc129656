#!/usr/bin/env bun
/**
 * The entry: answers `--help` and `--version`, runs a command, or serves. Its own imports need no package, so
 * that it can name one that is missing.
 */
import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { dependencies, engines, version } from '../package.json'

/** An executable is called by its own name. */
const SELF = import.meta.dir.startsWith('/$bunfs/') ? 'carillon' : 'bun src/index.ts'
const INSTALLED =
  SELF === 'carillon' ? '' : '  bun run server               installs what is needed and starts\n'
const CALLS = [
  [SELF, 'starts'],
  [`${SELF} COMMAND`, 'runs a command; `help` lists them'],
  [`${SELF} --help`, 'shows this (-h)'],
  [`${SELF} --version`, 'shows the version (-v)'],
] as const

const USAGE = `Carillon ${version}, a realtime push server

${INSTALLED}${CALLS.map(([call, what]) => `  ${call.padEnd(29)}${what}`).join('\n')}

Settings are environment variables; docs/settings.md has the table of all.`

const describeUsage = async (): Promise<string> => {
  const some = missing === undefined ? (await import('./config/config')).helpLines() : []
  return some.length > 0 ? [`${USAGE} Some:`, '', ...some].join('\n') : USAGE
}

const ANSWERS: Readonly<Record<string, () => string | Promise<string>>> = {
  '--help': describeUsage,
  '-h': describeUsage,
  '--version': () => version,
  '-v': () => version,
}

/** The answer to an argument, undefined without one. Exits with 2 for an unknown argument. */
function answerTo(args: readonly string[]): (() => string | Promise<string>) | undefined {
  const unknown = args.find((arg) => !Object.hasOwn(ANSWERS, arg))
  if (unknown !== undefined)
    fail(2, `${JSON.stringify(unknown)}: unknown argument; --help lists them`)
  return ANSWERS[args[0] ?? '']
}

/** The first package that is not installed, neither here nor in a folder above, where the runtime looks. */
function findMissingPackage(): string | undefined {
  const folders: string[] = []
  for (let folder = import.meta.dir; dirname(folder) !== folder; folder = dirname(folder))
    folders.push(join(folder, 'node_modules'))
  const isInstalled = (name: string): boolean =>
    folders.some((folder) => existsSync(join(folder, name)))
  return Object.keys(dependencies).find((name) => !isInstalled(name))
}

/** What to run where a package is missing: in a checkout, or where the server itself is installed. */
function describeInstall(): string {
  const folder = dirname(import.meta.dir)
  const end = folder.lastIndexOf(`${sep}node_modules${sep}`)
  if (end !== -1) return `\`bun install\` in ${folder.slice(0, end)}`
  return `\`bun install --frozen-lockfile\` in ${folder}, or \`bun run server\``
}

function fail(status: number, line: string): never {
  process.stderr.write(`carillon: ${line}\n`)
  process.exit(status)
}

/** Runs `ready` by itself: it is run every few seconds, and costs a quarter of what a command does that is parsed. */
async function sayReady(): Promise<void> {
  const { isReady, line } = await (await import('./cli/ready')).askReady(process.env)
  const stream = isReady ? process.stdout : process.stderr
  stream.write(isReady ? `${line}\n` : `carillon: ${line}\n`)
  process.exitCode = isReady ? 0 : 1
}

if (!Bun.semver.satisfies(Bun.version, engines.bun))
  fail(
    1,
    `Bun ${Bun.version} is too old: Carillon needs ${engines.bun}, which delivers every message`,
  )
process.stdout.on('error', () => undefined) // the reader is gone, or the disk is full
const args = process.argv.slice(2)
const isCommand = args[0] !== undefined && !args[0].startsWith('-')
const answer = isCommand ? undefined : answerTo(args)
// Where packages are missing, the runtime fetches untested versions by itself or fails. A bundle has them.
const missing = import.meta.file === 'index.ts' ? findMissingPackage() : undefined
if (answer) {
  process.stdout.write(`${await answer()}\n`)
} else {
  if (missing !== undefined)
    fail(1, `the package ${missing} is not installed: run ${describeInstall()}`)
  const alone = args.length === 1 ? args[0] : undefined
  const takesOver = args.join(' ') === 'serve --takeover'
  const worker = Number(/^serve --worker (\d+)$/.exec(args.join(' '))?.[1]) || undefined
  if (!isCommand || alone === 'serve' || takesOver || worker)
    await (await import('./start')).start({ takesOver, ...(worker && { worker }) })
  else if (alone === 'ready') await sayReady()
  else await (await import('./cli/main')).main(args)
}
