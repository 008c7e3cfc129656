/**
 * Writes the declarations of what a package exports, beside this file. `tsc -p declarations` has put those of all
 * sources into `all`; here those that the exports need are kept, with the endings that
 * `moduleResolution: NodeNext` wants, and the rest is deleted.
 */
import { rmSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { exports } from '../package.json'

const ALL = join(import.meta.dir, 'all')

/** What a declaration imports from others of ours. */
const SPECIFIER = /(\bfrom |\bimport\()(["'])(\.{1,2}\/[^"']+)\2/g

const HERE = './declarations/'

/** The declarations that package.json names and that are made here, relative to this folder. */
const named = Object.values(exports)
  .filter(({ types }) => types.startsWith(HERE))
  .map(({ types }) => types.slice(HERE.length))

// Those of before go, so that none stays whose source is gone.
for (const file of named)
  rmSync(join(import.meta.dir, file.split('/')[0]!), { recursive: true, force: true })

const kept = new Set(named)
for (const file of kept) {
  const text = await Bun.file(join(ALL, file)).text()
  for (const [, , , target = ''] of text.matchAll(SPECIFIER))
    kept.add(`${normalize(join(file, '..', target))}.d.ts`)
  await Bun.write(join(import.meta.dir, file), text.replace(SPECIFIER, '$1$2$3.js$2'))
}
rmSync(ALL, { recursive: true })
