/**
 * PluginRoutes: the routes of one plugin, an app of their own that is entered only for requests below
 * `/plugins/<name>`. Whatever a plugin does with its router stays in there, its faults are counted and logged by
 * its name, and after the start nothing is added any more.
 *
 * The framework has no such border: `use` merges `onRequest`, headers, decorators, models and every hook of global
 * scope into the app that uses another, and `mount` makes a new request, which has lost its socket's address.
 */
import {
  Elysia,
  ElysiaCustomStatusResponse,
  NotFoundError,
  ParseError,
  ValidationError,
  type AnyElysia,
} from 'elysia'
import { RealtimeError } from '../core/errors'
import { logFailure, runWatched, watchWait, type FaultSource } from '../core/plugin-faults'
import type { MaybePromise } from '../core/maybe-promise'
import type { Uploads } from '../core/uploads'
import type { Side } from './address'
import type { AdminChanges } from './admin-changes'
import { isGuarded } from './admin-needs'
import { limitBody } from './bytes'
import { explainFault, explainRefusal, type ErrorAnswer } from './errors'
import { ADMIN_BODY, BODY_CODES } from './form'
import { REQUEST_ID, requestIdFrom } from './headers'
import { NO_BODY, type ApiHooks } from './hooks'
import { pathOf } from './place'

const PLUGINS = '/plugins/'
const SIDE = 'x-side'

type AnswerHeaders = Readonly<Record<string, unknown>>
/** What the framework gives to `onError` that is used here. */
type Failed = { readonly error: unknown; readonly request: Request }
type Lifecycle = {
  error?: { readonly fn: unknown }[]
  afterResponse?: { readonly fn: unknown }[]
}

/** It is counted already. */
const ignore = (): void => undefined

/** What a generator function of a route returns; `sse` is the framework's mark for event streams. */
type Steps = (Generator | AsyncGenerator) & { readonly sse?: unknown }

const isSteps = (answer: unknown): answer is Steps =>
  typeof answer === 'object' &&
  answer !== null &&
  'next' in answer &&
  typeof answer.next === 'function'

export type PluginRoutesOptions = {
  readonly uploads: Uploads
  readonly changes: Pick<AdminChanges, 'record' | 'authorize'>
}

export class PluginRoutes {
  /** What the plugin adds its routes to. */
  readonly app: Elysia<`/plugins/${string}`>
  /** As of a hook. `busyMs` is what passes before a route waits for the first time. */
  readonly stats = { calls: 0, refusals: 0, faults: 0, busyMs: 0 }
  /** Of every answer of the server, for as long as the request is answered. */
  readonly #headers = new WeakMap<Request, AnswerHeaders>()
  readonly #source: FaultSource
  /** Set by `open`. */
  #hooks: ApiHooks | undefined
  /** The same routes; each answers with its side alone. Made when it is first needed. */
  #sides: AnyElysia | undefined

  constructor(
    readonly name: string,
    readonly options: PluginRoutesOptions,
  ) {
    this.#source = { plugin: name, hook: 'routes' }
    this.app = new Elysia({
      prefix: `${PLUGINS}${name}`,
      tags: [name],
      normalize: false,
      handler: { standardHostname: false },
    })
    this.app
      .onRequest(({ request, set }) => {
        Object.assign(set.headers, this.#headers.get(request))
      })
      // Before the plugin's own: refusals of `adminOnly`, `readBody` and the store are the server's.
      .onError(({ error, request }) => this.#refuse({ error, request }))
      .onAfterHandle(options.changes.record)
      .onAfterHandle(({ responseValue }) => this.#watchSteps(responseValue))
  }

  /** The routes that requests can reach: those below the prefix. */
  get reachable(): AnyElysia['routes'] {
    const root = `${PLUGINS}${this.name}`
    return this.app.routes.filter(({ path }) => path === root || path.startsWith(`${root}/`))
  }

  /** What is still being loaded (`routes.use(import(...))`). Rejects where that fails. */
  async load(): Promise<void> {
    await Promise.all(this.app.modules.promises)
  }

  /** Called once, when the plugins have started: closes the router, and makes its faults the plugin's. */
  open(hooks: ApiHooks): void {
    this.#hooks = hooks
    const { app } = this
    const lifecycles = [app['event'], ...app.routes.map((route) => route.hooks)] as Lifecycle[]
    for (const lifecycle of lifecycles) {
      const { error = [], afterResponse } = lifecycle
      // After the plugin's own. The framework reads the text of hooks: routes read the body for one that passes all on.
      const answerRest = ({ error, request }: Failed) => this.#answerRest({ error, request })
      lifecycle.error = [...error, { fn: answerRest }]
      if (afterResponse)
        lifecycle.afterResponse = afterResponse.map(({ fn }) => ({ fn: this.#surviving(fn) }))
    }
    app.compile()
    const refuseLate = (what: string) => {
      this.#countFault(new Error(`${what} was added too late: only setup and start may`))
      return app
    }
    Object.assign(app, {
      add: (method: string, path: string) => refuseLate(`the route ${method} ${path}`),
      on: () => refuseLate('a hook of routes'),
    })
  }

  /** The side of the route that the router finds, whatever would become of the request; undefined where there is none. */
  async sideOf(request: Request): Promise<string | undefined> {
    this.#sides ??= this.#listSides()
    return (await this.#sides.fetch(request)).headers.get(SIDE) ?? undefined
  }

  #listSides(): AnyElysia {
    const sides = new Elysia({ handler: { standardHostname: false } })
    for (const { method, path, hooks } of this.app.routes) {
      const side: Side = isGuarded(hooks, this.options.changes.authorize) ? 'admin' : 'public'
      sides.route(method, path, () => new Response(null, { headers: { [SIDE]: side } }))
    }
    return sides
  }

  /** Answers a request below the prefix with these headers. Never rejects. */
  async respond(request: Request, headers: AnswerHeaders): Promise<Response> {
    this.stats.calls++
    this.#headers.set(request, headers)
    limitBody(this.options.uploads, request, ADMIN_BODY.bytes, BODY_CODES)
    const response = await this.#enter(request).catch((cause: unknown) =>
      this.#fail({ error: cause, request }),
    )
    for (const [name, value] of Object.entries(headers))
      if (name === REQUEST_ID || !response.headers.has(name))
        response.headers.set(name, String(value))
    return response
  }

  /** Rejects for a fault outside of any route, such as one in `trace`. */
  async #enter(request: Request): Promise<Response> {
    const { core } = this.#opened
    const enter = (): unknown => this.app.fetch(request)
    const answer = runWatched(core.log, this.#source, enter, this.stats)
    const response = await (answer instanceof Promise
      ? watchWait(core, this.#source, answer)
      : answer)
    if (response instanceof Response) return response
    throw new TypeError('the routes answered with no response')
  }

  /** A generator, which runs while its answer is sent, as one whose steps are watched. Undefined for anything else. */
  #watchSteps(answer: unknown): Steps | undefined {
    if (!isSteps(answer)) return undefined
    const watched = this.#runSteps(answer)
    return answer.sse ? Object.assign(watched, { sse: answer.sse }) : watched
  }

  /** The first step is the route's own time, and its fault. */
  async *#runSteps(steps: Steps): AsyncGenerator {
    try {
      let step = await steps.next()
      while (!step.done) {
        yield step.value
        step = await this.#runLater(() => steps.next())
      }
      return step.value
    } finally {
      await steps.return?.(undefined)
    }
  }

  /** Runs what comes after the head of the answer. Rejects as it does, once the fault is counted. */
  async #runLater<T>(run: () => MaybePromise<T>): Promise<T> {
    const { core } = this.#opened
    try {
      const answer = runWatched(core.log, this.#source, async () => run(), this.stats)
      return await watchWait(core, this.#source, answer)
    } catch (cause) {
      this.#countFault(cause)
      throw cause
    }
  }

  /** Undefined for a fault. */
  #refuse({ error, request }: Failed): Response | undefined {
    const own = error instanceof ParseError ? error.cause : error // a body is refused while it is parsed
    return own instanceof RealtimeError ? this.#explain({ error: own, request }) : undefined
  }

  /** For what the plugin's own `onError` has left. What is thrown as an answer is one. */
  #answerRest({ error, request }: Failed): unknown {
    if (error instanceof Response || error instanceof ElysiaCustomStatusResponse) return error
    const refused = this.#explain({ error, request })
    if (refused) return refused
    // A response that its schema does not have is one with an answer that tells what it holds.
    const answersItself =
      error instanceof Error && 'toResponse' in error && !(error instanceof ValidationError)
    return answersItself ? undefined : this.#fail({ error, request })
  }

  #explain({ error, request }: Failed): Response | undefined {
    const { core, addresses } = this.#opened
    const failure = { error, request, requestId: this.#idOf(request), addresses, app: undefined }
    const refused = explainRefusal(core, failure)
    if (!refused) return undefined
    this.stats.refusals++
    return responseOf(refused)
  }

  #fail({ error, request }: Failed): Response {
    const requestId = this.#idOf(request)
    this.#countFault(error, requestId)
    return responseOf(explainFault(request, requestId))
  }

  #countFault(cause: unknown, requestId?: string): void {
    this.stats.faults++
    const source = requestId === undefined ? this.#source : { ...this.#source, requestId }
    logFailure(this.#opened.core.log, source, cause)
  }

  /** Runs when the answer is sent, in a turn of its own: nothing else would catch what it throws. */
  #surviving(run: unknown) {
    const surviving = async (context: unknown): Promise<void> => {
      await this.#runLater(() => (run as (given: unknown) => unknown)(context)).catch(ignore)
    }
    return Object.assign(surviving, { toString: () => String(run) })
  }

  #idOf(request: Request): string {
    return String(this.#headers.get(request)?.[REQUEST_ID] ?? requestIdFrom(null))
  }

  get #opened(): ApiHooks {
    if (!this.#hooks) throw new Error(`the routes of ${this.name} are not open yet`)
    return this.#hooks
  }
}

const responseOf = ({ status, body, type, headers }: ErrorAnswer): Response =>
  new Response(body, { status, headers: { 'content-type': type, ...headers } })

/**
 * The door to the routes of all plugins: finds the plugin, runs the `request` and `response` hooks. Used by an
 * app whose `response` hooks run after each route, it is to be used before these are added. Where admins have an
 * address of their own, a route of the other side is not found.
 */
export function pluginRoutes(
  hooks: ApiHooks,
  plugins: readonly { readonly name: string; readonly routes: PluginRoutes }[],
  side: Side | undefined,
) {
  const byName = new Map(plugins.map(({ name, routes }) => [name, routes]))
  return new Elysia().all(
    `${PLUGINS}*`,
    async ({ request, set }) => {
      const routes = byName.get(nameIn(pathOf(request.url)))
      if (!routes) throw new NotFoundError()
      hooks.authorize({ request, area: 'plugin', app: undefined, body: NO_BODY })
      if (side !== undefined && !isOn(side, await routes.sideOf(request))) throw new NotFoundError()
      const response = await routes.respond(request, set.headers)
      const { status } = response
      const added: Record<string, string> = {}
      hooks.addHeaders(request, status, added)
      for (const [name, value] of Object.entries(added)) response.headers.set(name, value)
      if (status >= 400) hooks.addresses.limitUnreadBody(request)
      set.headers = {} // the framework would make a new response to add them, which has lost its content type
      return response
    },
    { parse: 'none', detail: { hide: true } },
  )
}

/** A path that has no route is the plugin's own to answer, at the public address. */
const isOn = (side: Side, found: string | undefined): boolean =>
  side === 'admin' ? found === 'admin' : found !== 'admin'

/** The name as it was sent: a plugin's has no characters that need an encoding. */
const nameIn = (path: string): string => path.slice(PLUGINS.length).split('/', 1)[0]!
