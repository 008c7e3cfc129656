/**
 * App names: which apps have an id, slug, name or key, so that candidates for a clash are found without a
 * walk over all apps.
 */
import type { AppRecord } from './app'
import type { ProvidedApp } from './provided-apps'

/** Fields in which no two apps may be equal, and what they name. Slugs and ids name apps in the same URLs. */
const NAMED = { id: 'address', name: 'name', slug: 'address', key: 'key' } as const

export type UniqueField = keyof typeof NAMED
export const UNIQUE_FIELDS = Object.keys(NAMED) as readonly UniqueField[]

type Name = { readonly field: UniqueField; readonly value: string }

const namesOf = ({ id, slug, name, keys }: AppRecord): Name[] => [
  { field: 'id', value: id },
  { field: 'slug', value: slug },
  { field: 'name', value: name },
  ...keys.map(({ key }) => ({ field: 'key', value: key }) as const),
]

const textOf = ({ field, value }: Name): string => `${NAMED[field]} ${value}`

export class AppNames<Owner> {
  readonly #owners = new Map<string, Set<Owner>>()

  add(owner: Owner, record: AppRecord): void {
    for (const name of namesOf(record))
      this.#owners.getOrInsertComputed(textOf(name), () => new Set()).add(owner)
  }

  /** Removes the names that were added with the same record. */
  remove(owner: Owner, record: AppRecord): void {
    for (const name of namesOf(record).map(textOf)) {
      const owners = this.#owners.get(name)
      if (owners?.delete(owner) && owners.size === 0) this.#owners.delete(name)
    }
  }

  /** Owners of a name that the record has, too, in the order in which they were added. */
  ownersOf(record: AppRecord): Set<Owner> {
    return new Set(namesOf(record).flatMap((name) => [...(this.#owners.get(textOf(name)) ?? [])]))
  }
}

/** The value of `one` in a field that clashes with another app; undefined where none does. */
export function findClash(
  field: UniqueField,
  one: AppRecord,
  other: AppRecord,
): string | undefined {
  const taken = namesOf(other).map(textOf)
  return namesOf(one).find((name) => name.field === field && taken.includes(textOf(name)))?.value
}

const MAX_CLASHES = 100

/** One line for each clash of two provided apps, at most `MAX_CLASHES`. */
export function findClashes(apps: readonly ProvidedApp[]): string[] {
  const names = new AppNames<ProvidedApp>()
  const clashes: string[] = []
  for (const app of apps) {
    for (const other of names.ownersOf(app))
      for (const field of UNIQUE_FIELDS) {
        const value = findClash(field, app, other)
        if (value === undefined) continue
        clashes.push(
          `${app.providedBy}: the app ${app.id} has the ${field} ${value}, as the app ${other.id} of ${other.providedBy} has`,
        )
        if (clashes.length === MAX_CLASHES) return clashes
      }
    names.add(app, app)
  }
  return clashes
}
