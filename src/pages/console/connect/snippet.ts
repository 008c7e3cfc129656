/**
 * Snippet: one row of SNIPPETS, and what all of them have in common. Those for pages and devices hold nothing that is
 * secret: they are not given it.
 */
import type { Address } from './address'

/** What everybody may know of an app. */
export type PublicApp = {
  readonly name: string
  readonly slug: string
  readonly key: string
}

export type ConnectedApp = PublicApp & { readonly id: string; readonly secret: string }

type Common = {
  /** In the page's address. */
  readonly id: string
  readonly name: string
  /** How the text is called where it is a file. */
  readonly file: string
  readonly language: string
  /** A command that installs what it needs. */
  readonly install?: string
  /** What happens when it runs, in a sentence. */
  readonly does: string
  /** The SDK has no option for a prefix of all paths. */
  readonly needsRoot?: true
  /** It runs on another machine, whatever it is tried on. */
  readonly isDevice?: true
}

export type Snippet = Common &
  (
    | { readonly place: 'client'; readonly lines: (app: PublicApp, address: Address) => string }
    | { readonly place: 'server'; readonly lines: (app: ConnectedApp, address: Address) => string }
  )

/** In all snippets. */
export const CHANNEL = 'my-channel'
export const EVENT = 'my-event'
export const HELLO = '{"hello":"world"}'

export const HEARS = 'Connects, subscribes, and prints each event that arrives.'
export const SENDS = 'Sends an event to all subscribers of the channel.'
