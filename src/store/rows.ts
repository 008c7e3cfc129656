/**
 * Rows: values checked as they are read. The error for a broken one names its row, so that an operator can
 * mend it.
 */
import { SWITCHES } from '../apps/switches'
import { isRecord, parseJson } from '../core/json'

/** A column of the row with that key. */
export type Cell = { readonly table: string; readonly row: string; readonly column: string }

/** A check of a value; `name` completes "is not". */
export type Shape = { readonly is: (value: unknown) => boolean; readonly name: string }

const isString = (value: unknown): boolean => typeof value === 'string'
const isSwitch = (value: unknown): boolean => typeof value === 'boolean'
const isStringList = (value: unknown): boolean => Array.isArray(value) && value.every(isString)
const isEndpointList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => isRecord(entry) && isString(entry['url']))
const isRuleList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => isRecord(entry) && isString(entry['prefix']))
const isLimits = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every(Number.isSafeInteger)

const isSettings = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every(isRecord)

/** Columns of apps that hold JSON. */
export const SHAPES = {
  hosts: { is: isStringList, name: 'a list of texts' },
  webhooks: { is: isEndpointList, name: 'a list of objects with a url' },
  history: { is: isRuleList, name: 'a list of objects with a prefix' },
  limits: { is: isLimits, name: 'an object of whole numbers' },
  plugins: { is: isSettings, name: 'an object of objects' },
} as const satisfies Record<string, Shape>

/** By field; others are not checked. */
const CHANGES: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isString,
  slug: isString,
  ...Object.fromEntries(Object.values(SWITCHES).map(({ into }) => [into, isSwitch])),
  hosts: isStringList,
  webhooks: isEndpointList,
  history: isRuleList,
  limits: (value) => isRecord(value) && Object.values(value).every(isLimit),
  plugins: (value) => isRecord(value) && Object.values(value).every(isSetting),
}
const isSetting = (value: unknown): boolean => value === null || isRecord(value)
const isLimit = (value: unknown): boolean => value === null || Number.isSafeInteger(value)

export const APP_CHANGES: Shape = {
  is: (value) =>
    isRecord(value) && Object.entries(value).every(([name, of]) => CHANGES[name]?.(of) ?? true),
  name: 'an object of settings of an app',
}

const ANYTHING: Shape = { is: () => true, name: 'JSON' }

/** @throws Error that names the cell, and does not show its text */
export function readJson(text: string, cell: Cell, shape: Shape = ANYTHING): unknown {
  const value = parseJson(text)
  if (value === undefined || !shape.is(value)) throw brokenRowError(cell, `is not ${shape.name}`)
  return value
}

export const brokenRowError = ({ table, row, column }: Cell, problem: string): Error =>
  new Error(`the row ${row} of the table ${table} is broken: ${column} ${problem}`)
