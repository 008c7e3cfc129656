/** Statements of the contract as rows of a table: each is tested on a server of its own. */
import { expect, test } from 'bun:test'
import { start, type StartOptions, type TestServer } from '../../harness'

export type Row = {
  /** Its number in the contract. */
  readonly row: number | string
  readonly statement: string
  readonly options?: StartOptions
  readonly run: (server: TestServer) => Promise<unknown>
  /** What `run` returns. */
  readonly expected: unknown
}

/** Runs a test for each row, called by its number and its statement. */
export function testRows(rows: readonly Row[]): void {
  test.each(rows)('$row: $statement', async ({ options, run, expected }) => {
    await using server = await start(options)
    expect(await run(server)).toEqual(expected)
  })
}
