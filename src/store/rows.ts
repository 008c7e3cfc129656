/**
 * Rows as they are read. What a hand or a disk has broken is named, with its row, so that it can be mended.
 */
import { SWITCHES } from '../apps/switches'
import { isRecord, parseJson } from '../core/json'

/** Whose the text is: a table, a row by its key, a column. */
export type Cell = { readonly table: string; readonly row: string; readonly column: string }

/** What a value must be, and how that is called. */
export type Shape = { readonly is: (value: unknown) => boolean; readonly called: string }

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string')
const isEndpoints = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((entry) => isRecord(entry) && typeof entry['url'] === 'string')
const isNumbers = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((entry) => Number.isSafeInteger(entry))
const isText = (value: unknown): boolean => typeof value === 'string'
const isSwitch = (value: unknown): boolean => typeof value === 'boolean'

/** What apps have that is not a column of its own type; changes of provided apps have all of it. */
export const SHAPES = {
  hosts: { is: isTexts, called: 'a list of texts' },
  webhooks: { is: isEndpoints, called: 'a list of objects with a url' },
  limits: { is: isNumbers, called: 'an object of whole numbers' },
} as const satisfies Record<string, Shape>

/** By field; what is not here is not looked at. */
const CHANGES: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isText,
  slug: isText,
  ...Object.fromEntries(Object.values(SWITCHES).map(({ into }) => [into, isSwitch])),
  hosts: isTexts,
  webhooks: isEndpoints,
  limits: (value) => isRecord(value) && Object.values(value).every(isLimit),
}
const isLimit = (value: unknown): boolean => value === null || Number.isSafeInteger(value)

export const APP_CHANGES: Shape = {
  is: (value) =>
    isRecord(value) && Object.entries(value).every(([name, of]) => CHANGES[name]?.(of) ?? true),
  called: 'an object of settings of an app',
}

const ANYTHING: Shape = { is: () => true, called: 'JSON' }

/** @throws Error that names the cell, and shows nothing of it */
export function readJson(text: string, cell: Cell, { is, called }: Shape = ANYTHING): unknown {
  const value = parseJson(text)
  if (value === undefined || !is(value)) throw broken(cell, `is not ${called}`)
  return value
}

export const broken = ({ table, row, column }: Cell, why: string): Error =>
  new Error(`the row ${row} of the table ${table} is broken: ${column} ${why}`)
