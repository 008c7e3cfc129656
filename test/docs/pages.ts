/** The pages that people read, as tests look at them. */
import { join } from 'node:path'

export const ROOT = join(import.meta.dir, '../..')

/** Every page, from the root of the checkout. */
export const PAGES: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...['plugins', 'bench', 'conformance', 'src', 'examples'].map((folder) => `${folder}/README.md`),
  ...[...new Bun.Glob('examples/*/README.md').scanSync(ROOT)].toSorted(),
  ...[...new Bun.Glob('docs/*.md').scanSync(ROOT)].toSorted(),
]

export const readPage = (file: string): Promise<string> => Bun.file(join(ROOT, file)).text()

export type Block = {
  readonly language: string
  readonly code: string
}

const FENCE = /^```(\w*)\n([^]*?)^```$/gm

/** The fenced blocks of a page, in their order. */
export const blocksOf = (text: string): readonly Block[] =>
  Array.from(text.matchAll(FENCE), ([, language = '', code = '']) => ({ language, code }))

/** A page without its fenced blocks, in which nothing is a link or a heading. */
export const proseOf = (text: string): string => text.replace(FENCE, '')

/** The headings of a page, as links name them. Source: GitHub's anchors. */
export const anchorsOf = (text: string): readonly string[] =>
  Array.from(proseOf(text).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
