/**
 * AppRequests: requests to the API of an app: Pusher's, and those of dialects. Knows by the path alone which app a
 * request is about, so that refused ones are known, too; and emits how each was answered.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { andThen, type MaybePromise } from '../core/maybe-promise'
import { REQUEST_ID } from './headers'
import { pathOf } from './place'

/** A request to the API of an app, which may not exist. */
export type AppRequest = { readonly app: App | undefined }

/** Undefined where the request is not to the API that this finds the apps of. */
export type FindApp = (core: Core, request: Request) => AppRequest | undefined

/** Finds the app that the first group of a pattern names in the path. */
export const appByPath =
  (pattern: RegExp, find: (core: Core, name: string) => App | undefined): FindApp =>
  (core, { url }) => {
    const [, name] = pattern.exec(pathOf(url)) ?? []
    return name === undefined ? undefined : { app: find(core, name) }
  }

const findPusherApp = appByPath(/^\/apps\/([^/]+)/, ({ apps }, id) => apps.byId(id))

export class AppRequests {
  readonly #finders: readonly FindApp[]

  constructor(
    readonly core: Core,
    ofDialects: readonly FindApp[],
  ) {
    this.#finders = [findPusherApp, ...ofDialects]
  }

  /** Undefined for a request that is to no app's API. */
  find(request: Request): AppRequest | undefined {
    for (const find of this.#finders) {
      const found = find(this.core, request)
      if (found) return found
    }
    return undefined
  }

  /** The answer of `respond`, and the fact of it where somebody wants it. Called where somebody listens to such facts. */
  answer(request: Request, respond: () => MaybePromise<Response>): MaybePromise<Response> {
    const found = this.find(request)
    const isWanted = found && this.core.facts.wants('requested', found.app)
    return isWanted ? this.#follow(request, found, respond) : respond()
  }

  #follow(
    { method, url }: Request,
    { app }: AppRequest,
    respond: () => MaybePromise<Response>,
  ): MaybePromise<Response> {
    const { facts, clock } = this.core
    const began = clock.mono()
    const path = pathOf(url)
    return andThen(respond(), (response) => {
      const { status, headers } = response
      const requestId = headers.get(REQUEST_ID) ?? undefined
      const ms = clock.mono() - began
      facts.emit({ type: 'requested', app, method, path, status, ms, requestId })
      return response
    })
  }
}
