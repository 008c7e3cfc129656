/**
 * Scratch: folders for what servers write, removed by whoever made them, or with the bench.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Scratch = Disposable & { readonly path: string }

const paths = new Set<string>()

export function makeScratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
  paths.add(path)
  return { path, [Symbol.dispose]: () => remove(path) }
}

export const removeScratch = (): void => paths.forEach(remove)

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 }) // a dying server may still write
  paths.delete(path)
}
