/**
 * The 82 cases and 27 traps of the Phoenix contract (sections 6 and 4.7): each has its number at the end of
 * the name of a test, or here, with the reason why it has none.
 */
import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { join } from 'node:path'

const LEFT_OUT: Readonly<Record<string, string>> = {
  58: 'version 0.1 lived for a week and named no app; its /events would need an app to guess',
  81: 'twenty thousand connections are for the bench, and not for a test',
}

/** What of a case is not there, though the rest of it is. */
const PARTS_LEFT_OUT: Readonly<Record<string, string>> = {
  18: 'phx_error: nothing of ours ends a subscription to have it joined again',
  20: 'custom statuses: nothing of ours answers with one',
  24: 'binary replies, and pushes to one subscriber: nothing of ours answers bytes',
  28: 'within 50 ms under load: a time, which is for the bench',
  33: '2 000 clients in 10 s: a hundred, of four generations, show the same',
  37: 'V1 over long-poll: no current client speaks it (decision 14)',
  44: 'phx_ref_prev: what is known of a connection never changes',
  52: '_method in forms: forms of other sites could delete apps',
  66: 'answers of the plugin’s own, and not-implemented: the document says which answers there are',
  69: 'a queue to flush: there is none; a leaving server answers 503',
  74: 'lobby topics and Codeminer42’s API: another project, whose licence keeps it apart',
  78: 'lobby topics, as above',
}

const ROOT = import.meta.dir

/** A mark of files with these numbers; other contracts have numbers, too. */
const SAYS_SO = /cases of\s[\s*]*contract section 6|traps of contract 4\.7/

/** Numbers, and `trap N`, in brackets at the end of names of tests. */
async function findNames(): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const path of new Glob('**/*.test.ts').scan({ cwd: ROOT })) {
    const text = await Bun.file(join(ROOT, path)).text()
    if (!SAYS_SO.test(text)) continue
    for (const [, list = ''] of text.matchAll(/\(((?:(?:trap )?\d+(?:, )?)+)\)['`],/g))
      for (const number of list.split(', ')) found.add(number)
  }
  return found
}

const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n + 1))

test('every case has a test, or a reason why it has none', async () => {
  const names = await findNames()
  const missing = upTo(82).filter((number) => !names.has(number))
  expect(missing).toEqual(Object.keys(LEFT_OUT))
  for (const number of Object.keys(PARTS_LEFT_OUT)) expect(names).toContain(number)
})

test('every trap has a test', async () => {
  const names = await findNames()
  expect(upTo(27).filter((number) => !names.has(`trap ${number}`))).toEqual([])
})
