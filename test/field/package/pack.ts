/** Packs the project as `bun pm pack` does, from a copy: packing writes declarations, which others should not meet. */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../docs/pages'
import { execute } from '../commands'

/** What is neither ours nor needed to pack. */
const ELSEWHERE = /^(?:node_modules|\.git|test|bench|data)(?:\/|$)/

/** Packs the project into `folder`, and returns the path of the package. */
export async function packProject(folder: string): Promise<string> {
  const copy = join(folder, 'checkout')
  mkdirSync(copy)
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (from) => !ELSEWHERE.test(from.slice(ROOT.length + 1)),
  })
  return pack(copy, folder)
}

/** Packs what a folder holds. Resolves with the path of the package. */
export async function pack(source: string, folder: string): Promise<string> {
  const command = [process.execPath, 'pm', 'pack', '--quiet', '--destination', folder] as const
  const said = await execute(command, { cwd: source, timeoutMs: PACK_MS })
  return join(folder, said.trim().split(/[\n/]/).at(-1)!)
}

const PACK_MS = 110_000
