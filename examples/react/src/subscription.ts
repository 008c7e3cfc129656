/**
 * A subscription that components share. The first who holds a channel subscribes, the last who releases it
 * unsubscribes. Nothing here knows React.
 */
import type Pusher from 'pusher-js'
import type { Channel, Members } from 'pusher-js'

/** `info` is what the backend has signed for this member: look at it before you use it. */
export type Member = { readonly id: string; readonly info: unknown }

export type Room = {
  /** `away`: the connection is lost, and pusher-js brings it back by itself. */
  readonly status: 'joining' | 'joined' | 'away' | 'refused'
  /** Who is here; while `away`, who was here last. */
  readonly members: readonly Member[]
  readonly me: Member | undefined
}

/** How a room begins. One object, as React compares. */
export const JOINING: Room = { status: 'joining', members: [], me: undefined }

export class Subscription {
  readonly channel: Channel
  readonly #pusher: Pusher
  readonly #watchers = new Set<() => void>()
  #room = JOINING
  #holders = 0

  private constructor(pusher: Pusher, name: string) {
    this.#pusher = pusher
    this.channel = pusher.subscribe(name)
    this.channel.bind('pusher:subscription_succeeded', this.#join)
    this.channel.bind('pusher:subscription_error', this.#refuse)
    this.channel.bind('pusher:member_added', this.#enter)
    this.channel.bind('pusher:member_removed', this.#leave)
    pusher.connection.bind('state_change', this.#notice)
    if (this.channel.subscribed) this.#join()
  }

  /** The room as it is now; the same object until it changes. */
  get room(): Room {
    return this.#room
  }

  /** Calls `changed` after each change of the room, until the function that it returns is called. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  /**
   * Has all who held it let go? That is asked a moment later: React's strict mode takes every effect back and runs it
   * again, and a page that changes does the same; neither is a reason to leave a channel and come back.
   */
  release(): void {
    this.#holders--
    queueMicrotask(() => {
      if (this.#holders === 0 && OPEN.get(this.#pusher)?.get(this.channel.name) === this)
        this.#close()
    })
  }

  /** Finds the subscription to a channel, or subscribes. Each who holds it releases it once. */
  static hold(pusher: Pusher, name: string): Subscription {
    const ofPusher = OPEN.get(pusher) ?? new Map<string, Subscription>()
    OPEN.set(pusher, ofPusher)
    const subscription = ofPusher.get(name) ?? new Subscription(pusher, name)
    ofPusher.set(name, subscription)
    subscription.#holders++
    return subscription
  }

  /** The subscription that somebody holds, if there is one. */
  static find(pusher: Pusher, name: string): Subscription | undefined {
    return OPEN.get(pusher)?.get(name)
  }

  #close(): void {
    OPEN.get(this.#pusher)?.delete(this.channel.name)
    this.channel.unbind('pusher:subscription_succeeded', this.#join)
    this.channel.unbind('pusher:subscription_error', this.#refuse)
    this.channel.unbind('pusher:member_added', this.#enter)
    this.channel.unbind('pusher:member_removed', this.#leave)
    this.#pusher.connection.unbind('state_change', this.#notice)
    this.#pusher.unsubscribe(this.channel.name)
  }

  #change(part: Partial<Room>): void {
    this.#room = { ...this.#room, ...part }
    for (const changed of this.#watchers) changed()
  }

  /** After each reconnection, too: the list is anew what the server says. */
  readonly #join = (): void => {
    const members: Member[] = []
    const { members: all } = this.channel as Channel & { readonly members?: Members }
    all?.each((member: Member) => members.push({ id: String(member.id), info: member.info }))
    const me = members.find(({ id }) => id === String(all?.myID))
    this.#change({ status: 'joined', members, me })
  }

  readonly #refuse = (): void => this.#change({ status: 'refused', members: [], me: undefined })

  readonly #enter = ({ id, info }: Member): void =>
    this.#change({ members: [...this.#without(id), { id: String(id), info }] })

  readonly #leave = ({ id }: Member): void => this.#change({ members: this.#without(id) })

  #without(id: string): readonly Member[] {
    return this.#room.members.filter((member) => member.id !== String(id))
  }

  readonly #notice = ({ current }: { readonly current: string }): void => {
    if (current !== 'connected' && this.#room.status === 'joined') this.#change({ status: 'away' })
  }
}

/** The subscriptions that are held, of each client by the name of their channel. */
const OPEN = new WeakMap<Pusher, Map<string, Subscription>>()
