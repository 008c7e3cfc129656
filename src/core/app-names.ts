/**
 * App names: which apps have an id, slug, name or key, so that candidates for a clash are found without a
 * walk over all apps. Which fields may not be equal is decided in `provided-apps.ts`.
 */
import type { AppRecord } from './app'

/** Slugs and ids name apps in the same URLs, so they share one namespace. */
const namesOf = ({ id, slug, name, keys }: AppRecord): string[] => [
  `address ${id}`,
  ...(slug === id ? [] : [`address ${slug}`]),
  `name ${name}`,
  ...keys.map(({ key }) => `key ${key}`),
]

export class AppNames<Owner> {
  readonly #owners = new Map<string, Set<Owner>>()

  add(owner: Owner, record: AppRecord): void {
    for (const name of namesOf(record))
      this.#owners.getOrInsertComputed(name, () => new Set()).add(owner)
  }

  /** Removes the names that were added with the same record. */
  remove(owner: Owner, record: AppRecord): void {
    for (const name of namesOf(record)) {
      const owners = this.#owners.get(name)
      if (owners?.delete(owner) && owners.size === 0) this.#owners.delete(name)
    }
  }

  /** Owners of a name that the record has, too, in the order in which they were added. */
  ownersOf(record: AppRecord): Set<Owner> {
    return new Set(namesOf(record).flatMap((name) => [...(this.#owners.get(name) ?? [])]))
  }
}
