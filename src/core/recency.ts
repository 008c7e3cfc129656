/**
 * Recency: items in the order in which they were last used. Each has a link, so that moving and removing one costs
 * the same however many there are; a map of the runtime would move all of its entries now and then.
 */

/** The place of an item in the order. Owned by `Recency`. */
export type Link<Item> = {
  readonly item: Item
  older: Link<Item> | undefined
  newer: Link<Item> | undefined
}

export class Recency<Item> {
  #oldest: Link<Item> | undefined
  #newest: Link<Item> | undefined

  /** The link of what was not used for the longest time. */
  get oldest(): Link<Item> | undefined {
    return this.#oldest
  }

  /** The items, the one that was not used for the longest time first. */
  *[Symbol.iterator](): IterableIterator<Item> {
    for (let link = this.#oldest; link; link = link.newer) yield link.item
  }

  /** Adds an item as the one that was used last. */
  add(item: Item): Link<Item> {
    const link: Link<Item> = { item, older: undefined, newer: undefined }
    this.#append(link)
    return link
  }

  /** Notes that the item was used now. */
  use(link: Link<Item>): void {
    if (link === this.#newest) return
    this.remove(link)
    this.#append(link)
  }

  remove(link: Link<Item>): void {
    const { older, newer } = link
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
    link.older = link.newer = undefined
  }

  #append(link: Link<Item>): void {
    const last = this.#newest
    link.older = last
    if (last) last.newer = link
    else this.#oldest = link
    this.#newest = link
  }
}
