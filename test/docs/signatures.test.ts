/** The signatures in plugins/README.md are those of the code: printed by `signatures.ts`. */
import { expect, test } from 'bun:test'
import { HOOKS, type HookRow } from '../../src/core/plugin'
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
