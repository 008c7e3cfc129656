/** The pane's client as state of a page: lives as long as the page shows the same app. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { PUBLIC } from '../place'
import type { AppAccess } from './app-api'
import { Arrivals, type Arrival, type Heard } from './arrivals'
import { CreatorClient, type ClientState, type Received } from './client'

/** Events that the pane keeps. */
export const MAX_HEARD = 200
/** As many as two batches bring. */
const MAX_OWN = 20

/** `ws://host:port/prefix`, without a slash at the end. */
export const SOCKETS_AT = PUBLIC.href.replace(/^http/, 'ws').replace(/\/$/, '')

export type Pane = {
  readonly state: ClientState
  /** Newest first. */
  readonly heard: readonly Heard[]
  /** How many there were, also those that are not kept any more. */
  readonly count: number
  /** Of the last sendings, also where many others have come since. */
  readonly own: readonly Arrival[]
  readonly clear: () => void
  readonly arrivals: Arrivals
  /** For what is done outside of rendering; undefined before the first connection. */
  readonly client: () => CreatorClient | undefined
}

const BEFORE: ClientState = {
  phase: 'connecting',
  socketId: undefined,
  reason: undefined,
  channels: new Map(),
  user: undefined,
}

export function usePane({ key, secret }: AppAccess): Pane {
  const [state, setState] = useState(BEFORE)
  const [heard, setHeard] = useState(NOTHING)
  const own = useRef<CreatorClient | undefined>(undefined)
  const [arrivals] = useState(() => new Arrivals())
  useEffect(() => {
    const news = gatherByFrame((events) => setHeard((before) => addHeard(before, events)))
    const receive = (event: Received) =>
      news.push(arrivals.recognize(event, own.current?.state.user))
    const memberId = `console-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`
    const options = { base: SOCKETS_AT, key, secret, memberId, change: setState, receive }
    const client = new CreatorClient(options)
    own.current = client
    const retry = () => client.state.phase === 'waiting' && client.retry()
    addEventListener('online', retry)
    return () => {
      removeEventListener('online', retry)
      news.stop()
      client.close()
    }
  }, [key, secret])
  const clear = useCallback(() => setHeard(({ own }) => ({ ...NOTHING, own })), [])
  const client = useCallback(() => own.current, [])
  return { state, ...heard, clear, arrivals, client }
}

type HeardEvents = Pick<Pane, 'heard' | 'count' | 'own'>
const NOTHING: HeardEvents = { heard: [], count: 0, own: [] }

const addHeard = ({ heard, count, own }: HeardEvents, news: Gathered): HeardEvents => ({
  heard: [...news.events.toReversed(), ...heard].slice(0, MAX_HEARD),
  count: count + news.count,
  own: [...news.own, ...own].slice(0, MAX_OWN),
})

type Gathered = Pick<Pane, 'count' | 'own'> & { readonly events: readonly Heard[] }

/** Hands over what has come since the last frame that was drawn: a busy channel draws no more often than others. */
function gatherByFrame(handOver: (news: Gathered) => void) {
  let events: Heard[] = []
  let own: Arrival[] = []
  let count = 0
  let frame: number | undefined
  const flush = (): void => {
    frame = undefined
    handOver({ events, own, count })
    events = []
    own = []
    count = 0
  }
  return {
    push(event: Heard): void {
      count++
      events.push(event)
      if (event.sent) own.push(event.sent)
      if (events.length > MAX_HEARD) events.shift() // nothing is drawn while the tab is hidden
      frame ??= requestAnimationFrame(flush)
    },
    stop: (): void => {
      if (frame !== undefined) cancelAnimationFrame(frame)
    },
  }
}
