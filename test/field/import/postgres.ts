/** PostgreSQL in a folder of its own, which is gone afterwards. */
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../../bench/lib/processes'
import { execute } from '../commands'
import { pathOf } from '../programs'
import { nextLook } from '../../harness'

/** Servers of databases refuse to run as root. */
export const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
export const AS_NOBODY = isRoot
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  : []
const TIMEOUT_MS = 20_000

export class Postgres {
  readonly #process: Bun.Subprocess

  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: folder,
      fsync: 'off',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const command = [...AS_NOBODY, programOf('postgres'), '-D', folder, ...options]
    this.#process = Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  }

  /** With an empty database `main`, whose user needs no password. */
  static async start(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-pg-'))
    if (isRoot) chownSync(folder, NOBODY, NOBODY)
    chmodSync(folder, 0o700)
    const [program = '', ...as] = [...AS_NOBODY, programOf('initdb')]
    const options = [
      '-D',
      folder,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-N',
      '--no-locale',
      '-E',
      'UTF8',
    ]
    await execute([program, ...as, ...options], { cwd: folder, timeoutMs: TIMEOUT_MS })
    const postgres = new Postgres(folder, findFreePort())
    await postgres.#waitUntilReady()
    return postgres
  }

  /** How PostgreSQL's own programs find it. */
  get variables(): Readonly<Record<string, string>> {
    return { PGHOST: this.folder, PGPORT: String(this.port), PGUSER: 'postgres' }
  }

  async #waitUntilReady(): Promise<void> {
    const around = { cwd: this.folder, timeoutMs: TIMEOUT_MS, variables: this.variables }
    const until = Date.now() + TIMEOUT_MS
    const tries = async (): Promise<boolean> =>
      execute(['createdb', 'main'], around).then(
        () => true,
        () => false,
      )
    while (!(await tries())) {
      if (Date.now() > until) throw new Error('PostgreSQL does not start')
      await nextLook()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGINT')
    await this.#process.exited
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Both programs are in one folder. */
const programOf = (name: string): string => pathOf('initdb')!.replace(/initdb$/, name)
