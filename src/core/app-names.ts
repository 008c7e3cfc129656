/**
 * App names: who has which id, slug, name and key, so that those who clash are found without a look at
 * every app. Which fields may not agree is for `provided-apps.ts` to say; here is only who might.
 */
import type { AppRecord } from './app'

/** Slugs and ids name apps in the same addresses, so they are looked up together. */
const namesOf = ({ id, slug, name, keys }: AppRecord): string[] => [
  `address ${id}`,
  ...(slug === id ? [] : [`address ${slug}`]),
  `name ${name}`,
  ...keys.map(({ key }) => `key ${key}`),
]

export class AppNames<Owner> {
  readonly #owners = new Map<string, Set<Owner>>()

  /** An owner takes the names that a record has. */
  add(owner: Owner, record: AppRecord): void {
    for (const text of namesOf(record)) {
      const owners = this.#owners.get(text)
      if (owners) owners.add(owner)
      else this.#owners.set(text, new Set([owner]))
    }
  }

  /** Gives back what was taken with the same record. */
  remove(owner: Owner, record: AppRecord): void {
    for (const text of namesOf(record)) {
      const owners = this.#owners.get(text)
      if (owners?.delete(owner) && owners.size === 0) this.#owners.delete(text)
    }
  }

  /** Who has something that the record has, too; those who came first are first. */
  ownersOf(record: AppRecord): Set<Owner> {
    return new Set(namesOf(record).flatMap((text) => [...(this.#owners.get(text) ?? [])]))
  }
}
