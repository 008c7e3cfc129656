/** Runs of `carillon import` in a folder that goes with the test file, and what they print. */
import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Running, rowsOf, type Outcome, type RunOptions } from './run'

export const SECRETS = ['s3cret-1', 's3cret-2', 's3cret-3']

/** An app as soketi's configuration has it. */
export const soketiApp = (id: string, more: object = {}): object => ({
  id,
  key: `key-${id}`,
  secret: SECRETS[0],
  ...more,
})

/** To be called once, by a test file. */
export function makeImports() {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const run = (args: string, options: RunOptions = {}): Promise<Outcome> =>
    new Running(['import', ...args.split(' ')], { folder, ...options }).finished
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  /** The rows of a dry run into a database that is not there: name, fate, what it is here. */
  const becomes = async (server: string, name: string, text: string): Promise<string[][]> => {
    write(name, text)
    const ran = await run(`${server} ${name} --database none.sqlite --dry-run`)
    return rowsOf(ran).map(([, ...row]) => row)
  }
  return { folder, run, write, becomes }
}
