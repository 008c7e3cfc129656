/** RECIPES: what makes a call end in a status that needs preparation; tables of `statuses.test.ts` have the others. */
import { Database } from 'bun:sqlite'
import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartOptions, TestServer } from '../harness'
import type { Call } from './calls'

export type Recipe = {
  readonly options?: StartOptions
  /** What happens before; `call` is made by whoever is asked. */
  readonly prepare?: (server: TestServer, call: Call) => unknown
  readonly alter?: (call: Call) => Call
  /** Strangers are counted: enough of them, and nobody is let in. */
  readonly counted?: true
}

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
/** Kept until the end: a database that is collected as garbage unlocks its file. */
const locks: Database[] = []
afterAll(() => {
  for (const lock of locks) lock.close()
  rmSync(folder, { recursive: true, force: true })
})

const lockDatabase = ({ config }: TestServer): void => {
  const lock = new Database(config.databasePath)
  locks.push(lock)
  lock.run('BEGIN IMMEDIATE')
}

/** A database that another process holds. */
export const LOCKED: Recipe = {
  get options() {
    return { config: { databasePath: join(folder, `${crypto.randomUUID()}.sqlite`) } }
  },
  prepare: lockDatabase,
}

/** A durable stream that cannot be given up. */
export const HELD: Recipe = {
  get options() {
    return LOCKED.options!
  },
  prepare: async (server) => {
    const rule = { prefix: '', size: 1, ttl_seconds: 60, durable: true, rewind: 0 }
    await server.change({ history: [rule] })
    await server.trigger({ channel: 'room', name: 'e', data: 'x' })
    lockDatabase(server)
  },
}
/** A pause that cannot be ended. */
export const PAUSED: Recipe = {
  get options() {
    return LOCKED.options!
  },
  prepare: async (server, call) => {
    await server.admin(call.path.replace(/resume$/, 'pause'), { method: 'POST' })
    lockDatabase(server)
  },
}
/** An app that has had as many tests as it may. */
export const TESTED: Recipe = {
  prepare: async (server, call) => {
    for (let n = 0; n < 10; n++) await server.admin(call.path, { method: 'POST' })
  },
}
