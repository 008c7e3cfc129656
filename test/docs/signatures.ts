/**
 * The signatures of hooks in plugins/README.md, printed of `src/core/plugin.ts`: one for each hook, then the types
 * that they name. Run as a program, this file writes them there.
 */
import { join } from 'node:path'
import { readPage, ROOT } from './pages'

const PAGE = 'plugins/README.md'
const SOURCE = 'src/core/plugin.ts'

/** The place of the signatures in the page. */
const PLACE = /(<!-- signatures -->\n)[^]*?(<!-- \/signatures -->)/

const withoutComments = (code: string): string =>
  code.replace(/^ *\/\*\*[^]*?\*\/\n/gm, '').replace(/\breadonly /g, '')

/** A part of the source, from its heading to the next one. */
function findPart(source: string, heading: string): string {
  const [, part] = source.split(`--- ${heading}\n`)
  if (part === undefined) throw new Error(`${SOURCE} has no part "${heading}"`)
  return withoutComments(part.split('\n// ---')[0]!).replace(/^export /gm, '')
}

/** How the kinds of hooks are written in the source, and how a hook of each is printed. */
const KINDS: readonly (readonly [RegExp, (args: string, allowed: string) => string])[] = [
  [/^WaitingTap$/, () => '(): MaybePromise<void>'],
  [/^Tap<\[(.*)\]>$/, (args) => `(${args}): void`],
  [/^Gate<\[(.*)\]>$/, (args) => `(${args}): Reject | void`],
  [/^WaitingGate<\[(.*)\]>$/, (args) => `(${args}): MaybePromise<Reject | void>`],
  [
    /^WaitingGate<\[(.*)\], (\w+)>$/,
    (args, allowed) => `(${args}): MaybePromise<Reject | ${allowed} | void>`,
  ],
  [
    /^Filter< ?'\w+', Waits, \[(.*)\] ?>$/,
    (args) => `(${args}): MaybePromise<Reject | Replace | void>`,
  ],
  [/^\((.*)\) => (.*)$/, (args, answer) => `(${args}): ${answer}`],
]

/** Prints a hook as a method: `frame(conn: ConnectionView<Locals>, text: string): Reject | void`. */
function printHook(name: string, type: string): string {
  for (const [form, print] of KINDS) {
    const found = form.exec(type)
    if (found) return `  ${name}${print(found[1] ?? '', found[2] ?? '')}`
  }
  throw new Error(`${import.meta.path} does not know the kind of ${name}: ${type}`)
}

/** A member of the type of all hooks: its name, and its type up to the next one. */
const MEMBER = /^ {2}(\w+)\?: ([^]*?)(?=\n {2}\w|\n$)/gm

function printHooks(part: string): string {
  const [, members = ''] = /^type Hooks<[^]*?= \{\n([^]*?)^\}/m.exec(part) ?? []
  const hooks = Array.from(members.matchAll(MEMBER), ([, name = '', type = '']) =>
    printHook(name, type.replace(/\s+/g, ' ')),
  )
  const [headers = ''] = /^type HeadersToAdd = .*$/m.exec(part) ?? []
  return ['interface Hooks<Locals> {', ...hooks, '}', '', headers].join('\n')
}

/** Prints all of it, as a fenced block. */
export async function printSignatures(): Promise<string> {
  const source = await readPage(SOURCE)
  const code = [
    printHooks(findPart(source, 'the hooks')),
    'type MaybePromise<T> = T | Promise<T>',
    findPart(source, 'what plugins see'),
    findPart(source, 'what plugins answer'),
  ]
  return `\n\`\`\`ts\n${code.map((each) => each.trim()).join('\n\n')}\n\`\`\`\n\n`
}

/** The signatures as they are in the page. */
export const readSignatures = async (): Promise<string> =>
  /<!-- signatures -->([^]*)<!-- \/signatures -->/.exec(await readPage(PAGE))?.[1] ?? ''

if (import.meta.main) {
  const text = await readPage(PAGE)
  const printed = await printSignatures()
  await Bun.write(
    join(ROOT, PAGE),
    text.replace(PLACE, (_, begin: string, end: string) => `${begin}${printed}${end}`),
  )
  Bun.spawnSync([process.execPath, 'fmt', PAGE], { cwd: ROOT })
}
