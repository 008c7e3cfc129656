/**
 * Misdeed: something that one party can do to make everybody else wait, and what it may take.
 */
import { OWN_APP } from './sides'
import type { Stage } from './stage'

export type Misdeed = {
  readonly label: string
  /** CPU that one turn of the event loop may take, in milliseconds: more where only the admin can cause it. */
  readonly budgetMs: 5 | 25
  /** The side that is measured, where it is not Carillon without plugins. */
  readonly side?: string
  /** True where the bare loop is measured, too: what it takes is the runtime's. */
  readonly hasFloor?: true
  /** Settings on top of the defaults. */
  readonly env?: Readonly<Record<string, string>>
  /** How often, where that is not five times. */
  readonly times?: number
  /** How long its effects last, in milliseconds, where that is longer than usual. */
  readonly restMs?: number
  /** Once, before the first time; its time is not counted, and nor is that of `before`, each time. */
  readonly prepare?: (stage: Stage) => unknown
  readonly before?: (stage: Stage) => unknown
  readonly commit: (stage: Stage) => unknown
}

export const KIB = 1024
export const MIB = 1024 * KIB
/** The key of the app that all misdeeds use. */
export const APP_KEY = OWN_APP.key

/** A text over and over, cut off at so many bytes of ASCII. */
export const fillText = (text: string, bytes: number): string =>
  text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes)

/** `prefix0`, `prefix1`, and so on. */
export const numberTexts = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
