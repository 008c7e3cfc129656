/** The signatures in plugins/README.md are those of the code: printed by `signatures.ts`. */
import { expect, test } from 'bun:test'
import { HOOKS, type HookRow } from '../../src/core/plugin'
import { proseOf, readPage } from './pages'
import { printSignatures, readSignatures } from './signatures'

/** Without what the formatter decides. */
const tokensOf = (code: string): string => code.replace(/[\s,|]/g, '')

test('the signatures in plugins/README.md are those of src/core/plugin.ts', async () => {
  if (tokensOf(await readSignatures()) !== tokensOf(await printSignatures()))
    throw new Error('they differ: run `bun test/docs/signatures.ts`, which writes them')
})

test('each hook has a signature of its kind', async () => {
  const printed = await printSignatures()
  for (const [name, { kind, waits, refusal }] of Object.entries<HookRow>(HOOKS)) {
    const [, answer = ''] = new RegExp(`^  ${name}\\(.*\\): (.*)$`, 'm').exec(printed) ?? []
    const found = {
      waits: answer.startsWith('MaybePromise<'),
      refuses: answer.includes('Reject'),
      replaces: answer.includes('Replace'),
    }
    const refuses = refusal !== undefined
    expect({ name, ...found }).toEqual({
      name,
      waits: waits !== false,
      refuses,
      replaces: kind === 'filter' && refuses,
    })
  }
})

const guide = proseOf(await readPage('plugins/README.md'))

/** The names in code of a part of the guide. */
function findNames(from: string, to: string): ReadonlySet<string> {
  const part = guide.slice(guide.indexOf(from), guide.indexOf(to))
  expect(part.length).toBeGreaterThan(1000)
  const code = Array.from(part.matchAll(/`([^`\n]+)`/g), ([, text = '']) => text)
  return new Set(code.flatMap((text) => text.match(/\w+/g) ?? []))
}

/** The members of types in a text, where they are not nested. */
const findMembers = (code: string): string[] =>
  Array.from(code.matchAll(/^ {2}(?:readonly )?(\w+)(?:<.*>)?\??[:(]/gm), ([, name = '']) => name)

test('the guide explains each field of what hooks are given', async () => {
  const [, types = ''] = (await printSignatures()).split('type MaybePromise')
  const members = findMembers(types)
  expect(members.length).toBeGreaterThan(50)
  const named = findNames('## The hooks', '### Filters that wait')
  expect(members.filter((name) => !named.has(name))).toEqual([])
})

test('the guide explains each member of the context', async () => {
  const partOf = async (file: string, begin: string): Promise<string> => {
    const [, part = ''] = (await readPage(file)).split(begin)
    return part.slice(0, part.indexOf('\n}\n'))
  }
  const members = [
    await partOf('src/plugin.ts', 'export type PluginContext'),
    await partOf('src/core/plugin-means.ts', 'export type PluginActions'),
    await partOf('src/core/plugin-means.ts', 'export interface PluginStore'),
  ].flatMap(findMembers)
  expect(members.length).toBeGreaterThan(20)
  const named = findNames('## The context', '## What is promised')
  expect(members.filter((name) => !named.has(name))).toEqual([])
})
