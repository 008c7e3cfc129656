/**
 * Outcome: what becomes of each line of another server's configuration. Every line has one; none is dropped silently.
 */

/** How a line may end. `mistake` is the only one that keeps the app or the setting from being imported. */
export const FATES = {
  carried: 'carried',
  idle: 'not needed',
  lost: 'could not be carried',
  mistake: 'wrong',
} as const
export type Fate = keyof typeof FATES

/** A line of the source, its name there, and what became of it. Neither holds a secret. */
export type Line = {
  /** File and line, or file and path: `.env:3`, `soketi.json apps[1]`. */
  readonly place: string
  readonly name: string
  readonly fate: Fate
  /** What it is here, why it is not needed, or what to do instead. */
  readonly about: string
}

/** A name and its value in a source. */
export type Entry = {
  readonly place: string
  readonly name: string
  /** Text where it is from an environment, JSON or a column's value elsewhere. */
  readonly value: unknown
  /** Why its value is not certain, where it is not. */
  readonly unclear?: string | undefined
}

/** All that a source says of one app. */
export type AppEntries = {
  readonly place: string
  readonly entries: readonly Entry[]
}

/** What was read from one source, before anything is made of it. */
export type Material = {
  readonly settings: readonly Entry[]
  readonly apps: readonly AppEntries[]
  /** What was read and is neither. */
  readonly lines: readonly Line[]
}

export const lineOf = ({ place, name }: Entry, fate: Fate, about: string): Line => ({
  place,
  name,
  fate,
  about,
})
