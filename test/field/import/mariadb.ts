/** MariaDB in a folder of its own, which is gone afterwards. */
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execute } from '../commands'
import { pathOf } from '../programs'
import { findFreePort } from '../../../bench/lib/processes'
import { AS_NOBODY, NOBODY } from './postgres'
import { nextLook } from '../../harness'

const TIMEOUT_MS = 20_000

export class MariaDb {
  readonly #process: Bun.Subprocess

  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {
    const options = {
      basedir: BASE,
      datadir: join(folder, 'data'),
      socket: join(folder, 'socket'),
      port,
      'bind-address': '127.0.0.1',
      'pid-file': join(folder, 'pid'),
    }
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
    const command = [
      ...AS_NOBODY,
      pathOf('mariadbd')!,
      '--no-defaults',
      '--skip-grant-tables',
      ...flags,
    ]
    this.#process = Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  }

  /** With an empty database `main`. It has no tables of users, which take seconds to make: any password is good. */
  static async start(): Promise<MariaDb> {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-my-'))
    writeFileSync(
      join(folder, '.my.cnf'),
      `[client]\nuser=root\nsocket=${join(folder, 'socket')}\n`,
    )
    mkdirSync(join(folder, 'data'))
    if (AS_NOBODY.length > 0)
      for (const owned of [folder, join(folder, 'data')]) chownSync(owned, NOBODY, NOBODY)
    const database = new MariaDb(folder, findFreePort())
    await database.#waitUntilReady()
    return database
  }

  /** How its own programs find it. */
  get variables(): Readonly<Record<string, string>> {
    return { HOME: this.folder }
  }

  async #waitUntilReady(): Promise<void> {
    const around = { cwd: this.folder, timeoutMs: TIMEOUT_MS, variables: this.variables }
    const until = Date.now() + TIMEOUT_MS
    const tries = async (): Promise<boolean> =>
      execute([join(BASE, 'bin/mariadb'), '-e', 'CREATE DATABASE main'], around).then(
        () => true,
        () => false,
      )
    while (!(await tries())) {
      if (Date.now() > until) throw new Error('MariaDB does not start')
      await nextLook()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.#process.exited
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** `/usr`, of `/usr/sbin/mariadbd`. */
const BASE = dirname(dirname(pathOf('mariadbd') ?? '/usr/sbin/mariadbd'))
