/** Hooks for channels. Components below `<PusherContext value={pusher}>` that name the same channel share one subscription. */
import type Pusher from 'pusher-js'
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useEffectEvent,
  useSyncExternalStore,
} from 'react'
import { JOINING, Subscription, type Room } from './subscription.ts'

export const PusherContext = createContext<Pusher | undefined>(undefined)

function usePusher(): Pusher {
  const pusher = useContext(PusherContext)
  if (!pusher) throw new Error('There is no PusherContext around this component')
  return pusher
}

/** The state of the connection: `connecting`, `connected`, `unavailable` and the like. */
export function useConnection(): string {
  const { connection } = usePusher()
  const watch = useCallback(
    (changed: () => void) => {
      connection.bind('state_change', changed)
      return () => connection.unbind('state_change', changed)
    },
    [connection],
  )
  return useSyncExternalStore(
    watch,
    () => connection.state,
    () => 'connecting', // where a server renders
  )
}

/** Who is in a presence channel. It is joined while a component asks, and left after the last. */
export function usePresence(channel: `presence-${string}`): Room {
  const pusher = usePusher()
  const watch = useCallback(
    (changed: () => void) => {
      const subscription = Subscription.hold(pusher, channel)
      const unwatch = subscription.watch(changed)
      return () => {
        unwatch()
        subscription.release()
      }
    },
    [pusher, channel],
  )
  return useSyncExternalStore(
    watch,
    () => Subscription.find(pusher, channel)?.room ?? JOINING,
    () => JOINING,
  )
}

/**
 * Hears an event of a channel. `listener` is always that of the last render, and nothing is missed or bound anew when
 * it changes. `from` is the id of who has sent it, by the word of the server, where it is a member of a presence channel.
 * `data` is whatever somebody has sent: look at it before you use it.
 */
export function useEvent(
  channel: string,
  event: string,
  listener: (data: unknown, from: string | undefined) => void,
): void {
  const pusher = usePusher()
  const hear = useEffectEvent(listener)
  useEffect(() => {
    const subscription = Subscription.hold(pusher, channel)
    const receive = (data: unknown, metadata?: { readonly user_id?: string }): void =>
      hear(data, metadata?.user_id)
    subscription.channel.bind(event, receive)
    return () => {
      subscription.channel.unbind(event, receive)
      subscription.release()
    }
  }, [pusher, channel, event])
}

/**
 * Returns what sends an event to the others in a channel, without a backend. It is false where the channel is not
 * joined, and nothing was sent.
 */
export function useClientEvent(
  channel: string,
): (event: `client-${string}`, data: unknown) => boolean {
  const pusher = usePusher()
  return useCallback(
    (event, data) => {
      const joined = Subscription.find(pusher, channel)?.channel
      return joined?.subscribed === true && joined.trigger(event, data)
    },
    [pusher, channel],
  )
}
