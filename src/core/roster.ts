/**
 * Roster: the members of one presence channel with their connections, and their encoded form. A member is
 * encoded once, not for every receiver; a new one is appended to the text of all members, which is joined
 * anew only after somebody has left.
 */
import type { Member, Meta, UserId } from './types'

/** A member and their connections, of which there is at least one. */
type Seat = { readonly member: Member; readonly metas: Meta[] }

/** A member who joins with one of their connections. */
export type Arrival = { readonly member: Member; readonly meta: Meta }
/** A connection of a member that leaves. */
export type Departure = { readonly userId: UserId; readonly meta: Meta }

/** How a wire writes one member of a presence channel; those of several are separated by commas. */
export type RosterEntry = {
  readonly write: (member: Member, metas: readonly Meta[]) => string
  /** It lists the member's connections, so it is written anew with each that joins or leaves. */
  readonly eachConnection: boolean
}

/** The members of a presence channel, for encoders: each is written once per entry, for all receivers. */
export interface Members {
  readonly size: number
  write(entry: RosterEntry): string
}

export class Roster implements Members {
  readonly #seats = new Map<UserId, Seat>()
  /** By entry: one or two per wire. */
  #texts: Map<RosterEntry, RosterText> | undefined = undefined

  get size(): number {
    return this.#seats.size
  }

  has(userId: UserId): boolean {
    return this.#seats.has(userId)
  }

  members(): Member[] {
    return Array.from(this.#seats.values(), ({ member }) => member)
  }

  /** Takes a seat. Returns the member as their first connection described them: the same object if this is the first. */
  take({ member, meta }: Arrival): Member {
    const seat = this.#seats.get(member.userId)
    if (seat) {
      seat.metas.push(meta)
      this.#rewrite(seat)
      return seat.member
    }
    const taken = { member, metas: [meta] }
    this.#seats.set(member.userId, taken)
    if (this.#texts) for (const [entry, text] of this.#texts) text.add(entry, taken)
    return member
  }

  /** Leaves a seat. Returns the member if it was their last one. */
  leave({ userId, meta }: Departure): Member | undefined {
    const seat = this.#seats.get(userId)
    if (!seat) return undefined
    seat.metas.splice(seat.metas.indexOf(meta), 1)
    if (seat.metas.length > 0) {
      this.#rewrite(seat)
      return undefined
    }
    this.#seats.delete(userId)
    if (this.#texts) for (const text of this.#texts.values()) text.delete(seat)
    return seat.member
  }

  write(entry: RosterEntry): string {
    this.#texts ??= new Map()
    let text = this.#texts.get(entry)
    if (!text) {
      this.#texts.set(entry, (text = new RosterText()))
      for (const seat of this.#seats.values()) text.add(entry, seat)
    }
    return text.whole(entry)
  }

  #rewrite(seat: Seat): void {
    if (!this.#texts) return
    for (const [entry, text] of this.#texts) if (entry.eachConnection) text.change(seat)
  }
}

/** All members as one entry writes them, in the order in which they joined. */
class RosterText {
  readonly #parts = new Map<UserId, string>()
  /** Of those who stay, whose part is written anew when somebody reads: a crowd of their connections may leave before. */
  readonly #stale = new Set<Seat>()
  /** Undefined where it must be joined anew. */
  #whole: string | undefined = undefined

  add(entry: RosterEntry, seat: Seat): void {
    const part = this.#write(entry, seat)
    if (this.#whole === undefined) return
    this.#whole = this.#whole === '' ? part : `${this.#whole},${part}`
    // Reading a character flattens the string, so that the next append need not walk over its pieces:
    // a thousand joins of a thousand take 22 ms with it, 35 without (Bun 1.4).
    this.#whole.charCodeAt(0)
  }

  change(seat: Seat): void {
    this.#stale.add(seat)
    this.#whole = undefined
  }

  delete(seat: Seat): void {
    this.#stale.delete(seat)
    this.#parts.delete(seat.member.userId)
    this.#whole = undefined
  }

  whole(entry: RosterEntry): string {
    for (const seat of this.#stale) this.#write(entry, seat)
    this.#stale.clear()
    return (this.#whole ??= Array.from(this.#parts.values()).join())
  }

  #write({ write }: RosterEntry, { member, metas }: Seat): string {
    const part = write(member, metas)
    this.#parts.set(member.userId, part)
    return part
  }
}
