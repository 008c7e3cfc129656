/** The pane's client as state of a page: lives as long as the page shows the same app. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { PUBLIC } from '../place'
import type { AppAccess } from './app-api'
import { Arrivals, type Heard } from './arrivals'
import { CreatorClient, type ClientState, type Received } from './client'

/** Events that the pane keeps. */
export const MAX_HEARD = 200

/** `ws://host:port/prefix`, without a slash at the end. */
export const SOCKETS_AT = PUBLIC.href.replace(/^http/, 'ws').replace(/\/$/, '')

export type Pane = {
  readonly state: ClientState
  /** Newest first. */
  readonly heard: readonly Heard[]
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
  const [heard, setHeard] = useState<readonly Heard[]>([])
  const own = useRef<CreatorClient | undefined>(undefined)
  const [arrivals] = useState(() => new Arrivals())
  useEffect(() => {
    const receive = (event: Received) => {
      const news = arrivals.recognize(event, own.current?.state.user)
      setHeard((before) => [news, ...before].slice(0, MAX_HEARD))
    }
    const memberId = `console-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`
    const options = { base: SOCKETS_AT, key, secret, memberId, change: setState, receive }
    const client = new CreatorClient(options)
    own.current = client
    const retry = () => client.state.phase === 'waiting' && client.retry()
    addEventListener('online', retry)
    return () => {
      removeEventListener('online', retry)
      client.close()
    }
  }, [key, secret])
  const clear = useCallback(() => setHeard([]), [])
  const client = useCallback(() => own.current, [])
  return { state, heard, clear, arrivals, client }
}
