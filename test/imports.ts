/** Which file imports which, read from the files: also types, and what is loaded later. */
import { Glob } from 'bun'
import { dirname, join, normalize, relative } from 'node:path'

const ROOT = join(import.meta.dir, '..')

const IMPORT =
  /^(?:import|export)\b[^'"]*?\bfrom\s+'(\.[^']+)'|^import\s+'(\.[^']+)'|\b(?:import|require)\(\s*'(\.[^']+)'/gms

export type Imports = {
  /** Relative to the folder that was read. */
  readonly file: string
  /** Files of ours, relative to `src` and without ending. */
  readonly targets: readonly string[]
}

/** What a text imports that would be `file` of `src`. */
export function findImports(file: string, text: string): string[] {
  const targets = Array.from(
    text.matchAll(IMPORT),
    ([, from, only, later]) => from ?? only ?? later!,
  )
  return targets.map((target) => normalize(join(dirname(file), target)))
}

/** Reads the imports of each file below a folder. */
export async function readImports(folder: string): Promise<Imports[]> {
  const found = []
  for await (const file of new Glob('**/*.{ts,tsx}').scan(join(ROOT, folder))) {
    const text = await Bun.file(join(ROOT, folder, file)).text()
    const path = relative(join(ROOT, 'src'), join(ROOT, folder, file))
    found.push({ file, targets: findImports(path, text) })
  }
  return found
}

/** Files, without ending, that import themselves by way of others, and those on the way from one such circle to another. */
export function findCircles(files: readonly Imports[]): string[] {
  const left = new Map(files.map(({ file, targets }) => [file.replace(/\.tsx?$/, ''), targets]))
  for (let before = Infinity; left.size < before;) {
    before = left.size
    const imported = new Set([...left.values()].flat())
    for (const [file, targets] of left)
      if (!imported.has(file) || !targets.some((target) => left.has(target))) left.delete(file)
  }
  return [...left.keys()].toSorted()
}
