/**
 * What tests of the field need beside Bun, and the package of Debian that brings it. Run as a program,
 * this file prints the packages that are missing here, for `apt-get install`.
 */
import { describe, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'

/** Programs by the name that is looked for in PATH. */
const PROGRAMS = {
  // Chromium without windows, which open and are drawn for each page: that is half of a page's CPU.
  'chromium-headless-shell': 'chromium-headless-shell',
  nginx: 'nginx-light',
  go: 'golang-go',
  python3: 'python3-venv',
  javac: 'default-jdk-headless',
  mvn: 'maven',
  npm: 'npm',
  node: 'nodejs',
  promtool: 'prometheus',
  haproxy: 'haproxy',
  caddy: 'caddy',
  strace: 'strace',
  initdb: 'postgresql',
  mariadbd: 'mariadb-server-core mariadb-client',
  php: 'php-cli',
  ruby: 'ruby',
  'g++': 'g++',
  git: 'git',
  curl: 'curl',
  docker: 'docker.io',
  kubectl: 'kubernetes-client',
  openssl: 'openssl',
  'systemd-analyze': 'systemd',
  // Where systemd runs, this package starts a Redis on port 6379; no test speaks to it.
  'redis-server': 'redis-server',
} as const

export type Program = keyof typeof PROGRAMS

/** Versions of PostgreSQL have a folder each. */
const POSTGRES = '/usr/lib/postgresql'
const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES) : []
/** Daemons are installed where only root's PATH looks. */
const PATH = [
  process.env['PATH'],
  '/usr/sbin',
  ...versions.map((version) => `${POSTGRES}/${version}/bin`),
].join(':')

/** Programs that do in place of another. */
const INSTEAD: Partial<Record<Program, string>> = {
  'chromium-headless-shell': 'chromium',
  'redis-server': 'valkey-server',
}

/** Finds a program's path, or null. */
export const pathOf = (program: Program): string | null =>
  Bun.which(program, { PATH }) ?? Bun.which(INSTEAD[program] ?? '', { PATH })

/**
 * Tests that need programs. Where one is not installed they are skipped, and say which command installs
 * it; where `CI` is `true`, that fails.
 */
export function describeWith(
  needed: Program | readonly Program[],
  name: string,
  tests: () => void,
): void {
  const program = [needed].flat().find((each) => !pathOf(each))
  if (program === undefined) return void describe(name, tests)
  const reason = `${program} is not installed: apt-get install ${PROGRAMS[program]}`
  if (process.env['CI'] === 'true')
    return test(name, () => {
      throw new Error(reason)
    })
  console.warn(`skipped: ${name}: ${reason}`)
  describe.skip(name, tests)
}

if (import.meta.main) {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !pathOf(program as Program))
  console.log(missing.map(([, name]) => name).join(' '))
}
