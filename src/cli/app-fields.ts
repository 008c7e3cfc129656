/**
 * Fields of an app as they are typed: `--set field=value` and `--fields FILE`.
 */
import { parseRecord } from '../core/json'
import type { Fields } from './apps-door'
import type { Around, OptionRow } from './command'
import { usageError } from './exits'
import { readText, type Given } from './surroundings'

export const FIELD_OPTIONS: readonly OptionRow[] = [
  ['--set <field=value...>', 'a field and its value, JSON or text; may be repeated'],
  ['--fields <file>', 'a JSON object of fields, - is standard input: for secrets and long values'],
]

/** The fields that `--fields` and `--set` name; the latter win. */
export async function readFields(given: Given, around: Around): Promise<Fields> {
  const file = given.text('fields')
  const fields: Record<string, unknown> = {
    ...(file !== undefined && (await readFieldsFile(file, around))),
  }
  for (const text of given.texts('set')) {
    const [, name = '', value = ''] = /^([^=]+)=([^]*)$/.exec(text) ?? []
    if (name === '') throw usageError('--set expects field=value')
    if (name === 'secret')
      around.terminal.note(
        'a secret in --set is shown to everybody by `ps`: --fields takes it from a file',
      )
    fields[name] = readValue(value)
  }
  return fields
}

async function readFieldsFile(file: string, around: Around): Promise<Fields> {
  const fields = parseRecord(await readText(file, '--fields', around))
  if (!fields) throw usageError('--fields: expected a JSON object of fields')
  return fields
}

/** JSON, else the text itself. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // SyntaxError
  }
}
