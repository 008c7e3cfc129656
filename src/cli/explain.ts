/**
 * Explains the environment file of another server: of each name what a server here would make of it.
 */
import { SETTING_NAMES } from '../config/config'
import { meaningOf, recognise, type Foreign, type Meaning } from '../config/foreign'
import { readEnv } from './import/env-entries'
import type { Source } from './import/source-file'

/** A name of the file, and what it is here. It holds no value. */
export type Explained = {
  readonly place: string
  readonly name: string
  readonly here: string
}

export type Explanation = {
  /** Whose file it is; undefined where no other server is recognised. */
  readonly whose: Foreign['name'] | undefined
  readonly lines: readonly Explained[]
  /** True for a file of another kind, of which a line may look like one of these. */
  readonly isMostlyOdd: boolean
}

export function explain(source: Source): Explanation {
  const { entries, lines: odd } = readEnv(source)
  const env = Object.fromEntries(entries.map(({ name, value }) => [name, String(value)]))
  const foreign = recognise(env)
  const lines = entries.flatMap(({ place, name }): Explained | [] => {
    const meaning = foreign && meaningOf(name, env[name]!, foreign)
    if (SETTING_NAMES.includes(name)) return { place, name, here: 'is read' }
    return meaning ? { place, name, here: describe(meaning) } : []
  })
  const broken = odd.map(({ place, name, about }) => ({ place, name, here: about }))
  const isMostlyOdd = odd.filter(({ fate }) => fate === 'lost').length > entries.length
  return { whose: foreign?.name, lines: [...lines, ...broken], isMostlyOdd }
}

function describe(meaning: Meaning): string {
  if ('setting' in meaning) return `is read as ${meaning.setting}`
  return 'idle' in meaning ? `is not needed: ${meaning.idle}` : `is not read: ${meaning.instead}`
}

/** What takes such a file over. */
export const describeImport = (whose: Foreign['name'], file: string): string =>
  `${file} has settings of ${whose}: \`carillon check-config ${file}\` explains each, \`carillon import ${whose} ${file} --dry-run\` shows what would be taken over`
