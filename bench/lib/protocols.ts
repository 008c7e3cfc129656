/**
 * PROTOCOLS: what a side speaks: the texts of its subscribers, and the request that publishes.
 */
import { makeEventBody } from './events'
import { FORMATS, type Format } from './formats'
import type { App } from './sides'
import { makeTargetSigner } from './signing'

/** A POST: its target and its body. */
export type Post = { readonly target: string; readonly body: string }

export type Protocol = {
  readonly format: Format
  /** Lines of a request's head besides those of HTTP. */
  readonly headers: (app: App) => readonly string[]
  /** Makes the requests that publish on a channel; data needs no escaping. */
  readonly publishing: (app: App) => (channel: string, data: string) => Post
}

export const PROTOCOLS = {
  pusher: {
    format: FORMATS.pusher,
    headers: () => [],
    publishing: (app) => {
      const targetOf = makeTargetSigner(app)
      return (channel, data) => {
        const body = makeEventBody([channel], data)
        return { target: targetOf(body), body }
      }
    },
  },
  centrifugo: {
    format: FORMATS.centrifugo,
    headers: ({ key }) => [`X-API-Key: ${key}`],
    publishing: () => (channel, data) => ({
      target: '/api/publish',
      body: `{"channel":"${channel}","data":"${data}"}`,
    }),
  },
} as const satisfies Record<string, Protocol>

export type ProtocolName = keyof typeof PROTOCOLS
