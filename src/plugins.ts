/**
 * Plugins: checked, set up for one server, started and stopped with it. What a plugin was given here,
 * its timers and its signal, ends at the stop.
 */
import type { Apps } from './core/apps'
import type { Core } from './core/core'
import { messageOf } from './core/errors'
import { withTimeout } from './core/faults'
import { compileHooks, type HookContext, type CompiledHooks, type PluginHooks } from './core/hooks'
import { HOOKS, type HookName } from './core/plugin'
import type { Counter, LabelledCounter } from './core/plugin-means'
import { logFailure, runAlone, runWatched } from './core/plugin-faults'
import type { Cancel, Clock, Log } from './core/types'
import { appView, recordOf } from './core/views'
import type { Uploads } from './core/uploads'
import type { AdminChanges } from './http/admin-changes'
import { isSettingsSchema, settingsReader, settingsSchemas } from './apps/plugin-settings'
import { readText } from './http/form'
import type { ApiHooks } from './http/hooks'
import { PluginRoutes } from './http/plugin-routes'
import { DATA_ENVELOPE, respondWithList } from './http/lists'
import { workFor, type Slices } from './core/slices'
import { PLUGIN_INTERFACE, type AnyPlugin, type PluginContext, type PluginLog } from './plugin'
import { newActions } from './plugin-actions'
import { PluginNumbers } from './core/plugin-numbers'
import { newShared } from './plugin-shared'
import { openPluginStore } from './store/plugins'
import type { Writes } from './store/writes'

/** A plugin that can't be used; the message is one line for the operator. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
}

/** A plugin that is set up. */
export type LoadedPlugin = PluginHooks & {
  readonly routes: PluginRoutes
  readonly numbers: PluginNumbers
  /** Of an app, as it is checked. */
  readonly settings: object | undefined
  /** Ends what it was given. */
  release(): void
}

export type Surroundings = {
  readonly clock: Clock
  readonly log: Log
  /** Takes the faults of plugins, which may be many. */
  readonly faultLog: Log
  readonly writes: Writes
  readonly apps: Apps
  readonly uploads: Uploads
  readonly slices: Slices
  readonly changes: AdminChanges
  /** Undefined until the server is built. */
  readonly coreOf: () => Core | undefined
}

/** Sets plugins up, in order. @throws PluginError for the first that can't be used, once those before it are released */
export function setUpPlugins(
  plugins: readonly AnyPlugin[],
  surroundings: Surroundings,
): LoadedPlugin[] {
  const loaded: LoadedPlugin[] = []
  const services = new Map<string, object>()
  for (const [index, plugin] of plugins.entries()) checkPlugin(plugin, plugins.slice(0, index))
  try {
    for (const plugin of inOrder(plugins))
      loaded.push(setUp(plugin, { ...surroundings, services, index: loaded.length }))
    return loaded
  } catch (cause) {
    for (const { release } of loaded) release()
    throw cause
  }
}

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

const isWaitingFilter = (name: string): boolean =>
  Object.hasOwn(HOOKS, name) && HOOKS[name as HookName].waits === 'declared'

function checkPlugin(plugin: unknown, before: readonly { readonly name: string }[]): void {
  const given = typeof plugin === 'object' && plugin !== null ? plugin : {}
  const { name, carillon, setup, locals, dependsOn, settings, waits } = given as Partial<
    Record<keyof AnyPlugin, unknown>
  >
  const fail = (mistake: string): never => {
    throw new PluginError(
      `plugin ${typeof name === 'string' ? name : '(without a name)'}: ${mistake}`,
    )
  }
  if (typeof name !== 'string' || !NAME.test(name))
    fail('its name must be lower-case letters, digits and dashes')
  if (carillon !== PLUGIN_INTERFACE)
    fail(
      `made for version ${String(carillon)} of the plugin interface; this server has ${PLUGIN_INTERFACE}`,
    )
  if (typeof setup !== 'function') fail('it has no setup function')
  if (locals !== undefined && typeof locals !== 'function') fail('locals must be a function')
  if (dependsOn !== undefined && !isTexts(dependsOn))
    fail('dependsOn must be a list of names of plugins')
  if (settings !== undefined && !isSettingsSchema(settings))
    fail('settings must be a schema, made with t.Object')
  if (waits !== undefined && !(isTexts(waits) && (waits as string[]).every(isWaitingFilter)))
    fail('waits must be a list of publish and clientEvent')
  if (before.some((other) => other.name === name)) fail('is listed twice')
}

/** In the order of the list, but each after those that it depends on. @throws PluginError */
function inOrder(plugins: readonly AnyPlugin[]): AnyPlugin[] {
  const ordered: AnyPlugin[] = []
  const place = (plugin: AnyPlugin, path: readonly string[]): void => {
    if (ordered.includes(plugin)) return
    const { name, dependsOn = [] } = plugin
    const here = [...path, name]
    if (path.includes(name))
      throw new PluginError(`plugin ${name}: depends on itself (${here.join(' -> ')})`)
    for (const needed of dependsOn) {
      const other = plugins.find((each) => each.name === needed)
      if (!other) throw new PluginError(`plugin ${name}: depends on ${needed}, which is not listed`)
      place(other, here)
    }
    ordered.push(plugin)
  }
  for (const plugin of plugins) place(plugin, [])
  return ordered
}

/** What is shared while plugins are set up. */
type SetUp = Surroundings & {
  /** By the name of the plugin that provides it. */
  readonly services: Map<string, object>
  readonly index: number
}

function setUp(plugin: AnyPlugin, surroundings: SetUp): LoadedPlugin {
  const { name, waits = [] } = plugin
  const { writes, apps, uploads, slices, changes } = surroundings
  const log = childLog(surroundings.log, name)
  const stopping = new AbortController()
  const faultLog = childLog(surroundings.faultLog, name)
  const clock = mortalClock(surroundings.clock, stopping.signal, faultLog)
  const numbers = new PluginNumbers(faultLog)
  const routes = new PluginRoutes(name, { uploads, changes })
  const locals = plugin.locals ?? (() => ({}))
  const { coreOf, services, index } = surroundings
  const schemas = settingsSchemas([plugin])
  const readSettings = settingsReader(name, schemas)
  const context: PluginContext = {
    ...newActions({ plugin: { name, index, locals }, log: faultLog, coreOf }),
    log,
    clock,
    signal: stopping.signal,
    store: openPluginStore(writes, name, () => clock.now()),
    shared: newShared({ plugin: name, log: faultLog, coreOf }),
    apps: {
      byId: (id) => {
        const app = apps.byId(id)
        return app && appView(app)
      },
      all: () => Array.from(apps.all(), appView),
    },
    settingsOf: (app) => readSettings(recordOf(app)),
    counter: (...given: readonly [unknown, unknown, unknown?]) =>
      numbers.counter(...given) as Counter & LabelledCounter,
    gauge: (...given) => numbers.gauge(...given),
    provide: (service) => {
      if (services.has(name)) throw new Error('provides something already')
      services.set(name, service)
    },
    use: <Service extends object>(other: string): Service => {
      if (!plugin.dependsOn?.includes(other)) throw new Error(`dependsOn does not name ${other}`)
      const service = services.get(other)
      if (!service) throw new Error(`${other} provides nothing`)
      return service as Service
    },
    inSlices: (items, deed) =>
      slices.add(
        workFor(
          name,
          [...items],
          (item) =>
            stopping.signal.aborted ||
            runAlone({ log: faultLog, clock }, 'inSlices', () => deed(item)),
        ),
      ),
    listInSlices: (more) => {
      const items = () => runWatched(faultLog, { hook: 'listInSlices' }, more)
      const list = { items, envelope: DATA_ENVELOPE, jsonOf: JSON.stringify }
      return respondWithList({ slices }, list)
    },
    routes: routes.app,
    adminOnly: changes.authorize,
    readBody: (request) => readText(uploads, request),
  }
  const release = (): void => stopping.abort()
  try {
    const hooks = checkHooks(plugin.setup(context))
    compileHooks([{ name, locals: Object, waits, hooks }]) // throws for its mistakes before anything is built on it
    return { name, locals, waits, hooks, settings: schemas.get(name), routes, numbers, release }
  } catch (cause) {
    release()
    const message = messageOf(cause)
    const isNamed = message.startsWith('plugin ')
    throw new PluginError(isNamed ? message : `plugin ${name}: ${message}`, { cause })
  }
}

/** Refuses what is not a plain object: it would load without its hooks, in silence. */
function checkHooks(hooks: unknown): LoadedPlugin['hooks'] {
  if (hooks instanceof Promise)
    throw new Error('setup may not wait (start may); it must return the hooks')
  const prototype: unknown = hooks instanceof Object ? Object.getPrototypeOf(hooks) : undefined
  if (prototype !== Object.prototype && prototype !== null)
    throw new Error('setup must return a plain object of hooks')
  return hooks as LoadedPlugin['hooks']
}

/** A clock whose timers end with the signal; their faults are logged as the plugin's. */
function mortalClock(clock: Clock, signal: AbortSignal, log: Log): Clock {
  const running = new Set<Cancel>()
  signal.addEventListener('abort', () => {
    for (const cancel of running) cancel()
    running.clear()
  })
  const keep = (begin: (end: Cancel) => Cancel): Cancel => {
    const end = (): void => {
      running.delete(end)
      cancel()
    }
    const cancel = begin(end)
    if (signal.aborted) cancel()
    else running.add(end)
    return end
  }
  return {
    now: () => clock.now(),
    mono: () => clock.mono(),
    after: (delayMs, run) =>
      keep((end) =>
        clock.after(delayMs, () => {
          end()
          runAlone({ log, clock }, 'timer', run)
        }),
      ),
    every: (intervalMs, run) =>
      keep(() => clock.every(intervalMs, () => runAlone({ log, clock }, 'timer', run))),
  }
}

/** A log whose lines carry the plugin's name, whatever its fields are. */
function childLog(log: Log, plugin: string): PluginLog {
  const named = { plugin }
  const fieldsOf = (given: unknown): object => ({ ...named, ...fieldsIn(given), ...named })
  const method =
    (level: keyof Log) =>
    (given: unknown, message?: unknown): void =>
      typeof given === 'string'
        ? log[level](fieldsOf(message), given)
        : log[level](fieldsOf(given), textIn(given, message))
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  }
}

/** An error alone is logged as pino does: as `err`. */
const fieldsIn = (given: unknown): object => {
  if (given instanceof Error) return { err: given }
  return typeof given === 'object' && given !== null ? given : {}
}

function textIn(given: unknown, message: unknown): string {
  if (message !== undefined) return String(message)
  return given instanceof Error ? given.message : ''
}

/** Time that a plugin has to start, in milliseconds. */
export const START_LIMIT_MS = 30_000

/**
 * Runs the `start` hooks, in order; the log names one that takes longer than a gate may.
 * @throws PluginError for the first that fails, or when the start is given up
 */
export async function startPlugins(
  { start }: CompiledHooks,
  { clock, log, timing: { gateTimeoutMs } }: HookContext,
  givenUp: AbortSignal | undefined,
): Promise<void> {
  for (const { plugin, run, stats } of start) {
    stats.calls++
    const cancel = clock.after(gateTimeoutMs, () =>
      log.warn({ plugin, limitMs: START_LIMIT_MS }, 'plugin has not started yet'),
    )
    try {
      await withTimeout(clock, START_LIMIT_MS, Promise.resolve(run()), givenUp)
    } catch (cause) {
      throw new PluginError(`plugin ${plugin}: could not start: ${messageOf(cause)}`, { cause })
    } finally {
      cancel()
    }
  }
}

/** Opens the routes of plugins that have started. @throws PluginError for those that can't be loaded */
export async function openRoutes(
  plugins: readonly LoadedPlugin[],
  hooks: ApiHooks,
  givenUp: AbortSignal | undefined,
): Promise<void> {
  for (const { name, routes } of plugins) {
    try {
      await withTimeout(hooks.core.clock, START_LIMIT_MS, routes.load(), givenUp)
    } catch (cause) {
      throw new PluginError(`plugin ${name}: could not load its routes: ${messageOf(cause)}`, {
        cause,
      })
    }
    routes.open(hooks)
  }
}

/** Runs the `stop` hooks, last plugin first; none can hold up the end for long. */
export async function stopPlugins({ stop }: CompiledHooks, context: HookContext): Promise<void> {
  for (const hook of stop.toReversed()) {
    hook.stats.calls++
    try {
      await withTimeout(context.clock, context.timing.gateTimeoutMs, Promise.resolve(hook.run()))
    } catch (cause) {
      hook.stats.faults++
      logFailure(context.log, { plugin: hook.plugin, hook: 'stop' }, cause)
    }
  }
}
