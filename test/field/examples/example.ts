/**
 * An example as somebody has it who follows its README: a copy in a folder of its own, outside of this checkout. What
 * a registry would bring is linked, in the version that its package.json pins; ports are others.
 */
import { expect } from 'bun:test'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { blocksOf, ROOT, type Block } from '../../docs/pages'
import { PATIENCE_MS } from '../../harness'
import { execute, LineReader } from '../commands'

/** How long a program that keeps running may run. */
const PROGRAM_MS = 240_000

export type Example = Disposable & {
  readonly folder: string
  /** The blocks of its README, with the ports of this test. */
  readonly blocks: readonly Block[]
  /** The block in a language with a text in it. @throws Error where there is none */
  block(language: string, mark: string): string
  /** Runs a command of the README to its end; what it prints. @throws Error as `execute` does */
  run(mark: string): Promise<string>
  /** Starts a command of the README that keeps running. */
  start(mark: string): LineReader
}

/** Copies an example; each text in `others` is replaced in all of its files: a port by another one. */
export function openExample(
  name: string,
  others: Readonly<Record<string, string | number>>,
): Example {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  // In one pass: a port may look like another one that is to be replaced.
  const pattern = new RegExp(Object.keys(others).map(RegExp.escape).join('|'), 'g')
  const replaceAll = (text: string): string =>
    text.replaceAll(pattern, (from) => String(others[from]))
  const source = join(ROOT, 'examples', name)
  cpSync(source, folder, { recursive: true, filter: (path) => !path.includes('node_modules') })
  for (const file of new Bun.Glob('**/*.{js,mjs,ts,tsx,html,ino,md}').scanSync(folder)) {
    const path = join(folder, file)
    writeFileSync(path, replaceAll(readFileSync(path, 'utf8')))
  }
  linkPackages(folder)
  const blocks = blocksOf(readFileSync(join(folder, 'README.md'), 'utf8'))
  const block = (language: string, mark: string): string => {
    const found = blocks.find((each) => each.language === language && each.code.includes(mark))
    if (!found) throw new Error(`the README of ${name} has no block of ${language} with ${mark}`)
    return found.code
  }
  return {
    folder,
    blocks,
    block,
    run: (mark) =>
      execute(['sh', '-c', block('sh', mark)], { cwd: folder, timeoutMs: PATIENCE_MS * 10 }),
    start: (mark) => {
      // The program takes the place of the shell, so that it is what is ended.
      const command = block('sh', mark).replace(/^((?:[A-Z_]+=(?:\$\(.*\)|\S*) )*)/, '$1exec ')
      return new LineReader(['sh', '-c', command], { cwd: folder, timeoutMs: PROGRAM_MS })
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Fails where the README has other commands than the test plays; `marks` are texts in them, in their order. */
export function expectPlayed({ blocks }: Example, marks: readonly string[]): void {
  const commands = blocks.filter(({ language }) => language === 'sh')
  expect(commands.length).toBe(marks.length)
  for (const [index, { code }] of commands.entries()) expect(code).toContain(marks[index]!)
}

type Manifest = {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** @throws Error for a package that is not here in the version that is asked for */
function linkPackages(folder: string): void {
  const { dependencies, devDependencies } = readManifest(folder)
  for (const [name, wanted] of Object.entries({ ...dependencies, ...devDependencies })) {
    const here = join(ROOT, 'node_modules', name)
    const { version } = readManifest(here)
    if (version !== wanted) throw new Error(`${folder} wants ${name} ${wanted}; here is ${version}`)
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(here, link)
  }
}
