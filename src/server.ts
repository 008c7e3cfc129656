/**
 * The composition root: core, plugins, API and port, built in order and taken down in reverse.
 */
import { dirname } from 'node:path'
import type { ListenAddress } from './core/addresses'
import type { App } from './core/app'
import { Apps } from './core/apps'
import type { Core } from './core/core'
import { newCounters, newTallies } from './core/counters'
import type { Backlog } from './core/deliveries'
import type { Engine, EngineParts } from './core/engine'
import { EXPIRY_TICK_MS } from './core/expiries'
import { countFault, runSafely } from './core/faults'
import { compileHooks } from './core/hooks'
import { LOOP_TICK_MS } from './core/latencies'
import { maxRequestBytes } from './core/limits'
import { networkRules } from './core/networks'
import type { ProvidedApp } from './core/provided-apps'
import { Slices } from './core/slices'
import { Statistics, STATISTICS_MS } from './core/statistics'
import { QuietLog } from './core/quiet-log'
import { newExpirySweeper } from './core/renew'
import { UNAUTHORIZED_SWEEP_MS, newSweeper, newUnauthorizedSweeper } from './core/sweep'
import { Tokens } from './core/tokens'
import { RequestQueue } from './core/request-queue'
import { Uploads } from './core/uploads'
import {
  isGenerated,
  storeGenerated,
  providedApps,
  publishedCredentials,
  resolveCredentials,
  warnPublished,
  type Credentials,
} from './config/credentials'
import { Entrance } from './entrance'
import { DIALECTS } from './dialects/dialects'
import { leave, place } from './goodbye'
import { Addresses } from './http/address'
import { AdminChanges } from './http/admin-changes'
import { AppRequests } from './http/app-requests'
import { createApis, type HttpApi } from './http/api'
import { ApiHooks } from './http/hooks'
import { InFlight } from './http/in-flight'
import { LiveFeed } from './http/live-feed'
import { Locality } from './http/local'
import { Logins } from './http/logins'
import { Problems, PROBLEMS_MS } from './http/problems'
import { Sessions } from './http/sessions'
import { backupsOf, tickOf, webhooksOf } from './new-upkeep'
import { newCore } from './new-core'
import { enginesOf } from './new-engine'
import { pagesOf } from './new-pages'
import { requestLimit, watchOpenFiles } from './open-files'
import { metricsOptions } from './metrics-port'
import type { AnyPlugin } from './plugin'
import { findEnforced, warnUnenforced } from './plugin-checks'
import { openRoutes, setUpPlugins, startPlugins, stopPlugins, type LoadedPlugin } from './plugins'
import { PublicListeners } from './public-listeners'
import { openPorts } from './ports'
import { appStore } from './store/apps'
import { auditStore, auditTrimmer } from './store/audit'
import { FileWatch } from './store/file-watch'
import { isFile } from './store/files'
import { historyStore } from './store/history'
import { guard, storeError } from './store/errors'
import { sharedStores } from './store/plugins'
import { statisticsStore } from './store/statistics'
import { detach, mirrorOf } from './store/mirror'
import { openDatabase } from './store/sqlite'
import type { StandbyOptions } from './standby'
import { Upkeep } from './store/upkeep'
import { tokenStore } from './store/tokens'
import { Writes } from './store/writes'
import { claim, type Claim } from './takeover/claim'
import type { Successor } from './takeover/door'
import { openDoor } from './takeover/open-door'
import type { Move, Rank } from './takeover/steering'
import { LongPolls } from './transports/longpoll'
import { XhrSessions } from './transports/xhr'
import { Peers, type WorkerPart } from './workers/peers'

export type ServerOptions = StandbyOptions & {
  /** The clock that turns of the event loop are measured by, in milliseconds; see `Slices`. */
  readonly meter?: () => number
  /** Their hooks run in this order. */
  readonly plugins?: readonly AnyPlugin[]
  /** From the configuration file. */
  readonly apps?: readonly ProvidedApp[]
  /** The engine; without, that of one node. */
  readonly newEngine?: (parts: EngineParts) => Engine
  /** Takes the place of the server that has the database, where there is one. */
  readonly takesOver?: boolean
  /** Where it is one of several workers. */
  readonly worker?: WorkerPart | undefined
  /** Called when another process serves in place of this one; `leave` is to follow. */
  readonly onMoved?: (successor: Successor) => void
  /** Receives the credentials before generated ones are stored; an error that it throws ends the start. */
  readonly handOver?: (credentials: Credentials) => void
}

export type CarillonServer = {
  readonly core: Core
  readonly api: HttpApi
  readonly plugins: readonly LoadedPlugin[]
  readonly xhr: XhrSessions
  readonly sessions: Sessions
  readonly credentials: Credentials
  readonly port: number
  /** Undefined where there is none without TLS. */
  readonly plainPort: number | undefined
  /** Undefined where the metrics have no port of their own. */
  readonly metricsPort: number | undefined
  /** Undefined where admins have no address of their own. */
  readonly adminAddress: ListenAddress | undefined
  /** Refuses newcomers, spreads the goodbyes, lets requests finish, stops. With a rank, others get the newcomers. */
  leave(rank?: Rank): Promise<void>
  /** Sends a share of its connections to another worker. Without, new ones are for all workers again. */
  place(move: Move | undefined): Promise<void>
  /** Stops at once. */
  stop(): Promise<void>
}

/**
 * Listens once every plugin has started.
 * @throws ConfigError for apps that clash, StoreError for the database, PluginError, or the system's error for the address
 */
export async function createServer(options: ServerOptions): Promise<CarillonServer> {
  const undo: (() => unknown)[] = []
  const end = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) await step()
  }
  try {
    const claimed = await claim(options, options.takesOver === true)
    undo.push(() => claimed.lock.release())
    undo.push(claimed.makeWay)
    return await build(options, claimed, undo, end)
  } catch (cause) {
    await end()
    throw cause
  }
}

/** Builds the server. Each step pushes its reverse to `undo`; `end` runs these, the last first. */
async function build(
  options: ServerOptions,
  { lock, succession, makeWay }: Claim,
  undo: (() => unknown)[],
  end: () => Promise<void>,
): Promise<CarillonServer> {
  const { config, clock, log, plugins: listed = [] } = options
  const entrance = new Entrance(succession?.spots)
  /** Takes down what another process goes on with, unless one does. */
  const unlessMoved = (step: () => unknown) => () => (entrance.hasMoved ? undefined : step())
  const files = new FileWatch(config.databasePath)
  undo.push(() => files.close())
  const db = openDatabase(config.databasePath, log)
  undo.push(() => db.close())
  const upkeep = guard(config.databasePath, () => new Upkeep(db, config.databasePath, log))
  undo.push(unlessMoved(() => upkeep.stop()))
  guard(config.databasePath, () => files.start(db))
  const writes = new Writes(db, log)
  const provided = providedApps(config, options.apps)
  const engines = await enginesOf(options, provided, () => mirrorOf(writes, () => clock.now()))
  if (!engines.records) guard(config.databasePath, () => detach(db))
  await engines.records?.take(() => isGenerated(resolveCredentials(config, appStore(db), provided)))
  const [counters, tallies] = [newCounters(), newTallies()]
  const { store, credentials, published, apps } = guard(config.databasePath, () => {
    const store = writes.guard(appStore(db), ['insert', 'update', 'remove', 'override'])
    const ids = provided.map(({ id }) => id)
    const forgotten = store.markProvided(ids, clock.now())
    if (forgotten.length > 0)
      log.info(
        { appIds: forgotten },
        'changes of apps that are not provided any more were forgotten',
      )
    const credentials = resolveCredentials(config, store, provided)
    const published = publishedCredentials(credentials)
    const defaultAppId = config.pushexApp ?? published.appId
    const { limits } = config
    const apps = new Apps(store, { limits, log, counters, tallies, provided, defaultAppId })
    if (config.pushexApp !== undefined && !apps.defaultApp())
      log.warn({ appId: config.pushexApp }, 'CARILLON_PUSHEX_APP names an app that does not exist')
    return { store, credentials, published, apps }
  })
  const addresses = new Addresses(config.trustedProxies, log)
  const locality = new Locality({ addresses, hosts: config.localHosts, host: config.host, log })
  undo.push(() => locality.stop())
  const logins = new Logins(clock, config.maxFailedLoginsPerMinute)
  const audit = writes.guard(auditStore(db), ['write'])
  const guardedTokens = writes.guard(tokenStore(db), ['insert', 'revoke'])
  const tokens = guard(config.databasePath, () => new Tokens(guardedTokens))
  const uploads = new Uploads(clock)
  const { worker } = options
  const peers = Peers.of({ worker, addresses, uploads, maxBytes: maxRequestBytes(config.limits) })
  const owns = (name: string): boolean => peers?.owns(name) ?? true
  const sessions = new Sessions(clock, owns)
  const access = {
    ...credentials.admin,
    tokens,
    sessions,
    apps,
    audit,
    clock,
    origins: config.adminOrigins,
    authorizePlugins: (request: Request): void => hooks.authorizeAdmin(request),
    locality,
    logins,
    addresses,
  }
  const changes = new AdminChanges(access, log)
  const metrics = metricsOptions(config, changes)
  const quietLog = new QuietLog(log, clock)
  undo.push(() => quietLog.finish())
  const faults = { counters, log: quietLog }
  const slices = new Slices(options.meter, (cause, part) => countFault(faults, cause, { part }))
  const requests = new RequestQueue(slices)
  const built: { core?: Core } = {}
  const plugins = setUpPlugins(listed, {
    clock,
    log,
    faultLog: quietLog,
    writes,
    apps,
    uploads,
    slices,
    changes,
    coreOf: () => built.core,
  })
  undo.push(() => plugins.forEach(({ release }) => release()))
  const enforced = findEnforced(listed)
  warnUnenforced(enforced, apps, log)
  warnPublished(config, apps, log)

  const sharedOf = sharedStores(writes, () => clock.now())
  const streams = historyStore(writes)
  const listeners = new PublicListeners()
  const core = newCore(
    config,
    {
      clock,
      log: quietLog,
      apps,
      tokens,
      hooks: compileHooks(plugins),
      uploads,
      requests,
      slices,
      counters,
      tallies,
    },
    listeners,
    (parts) => engines.newEngine({ ...parts, sharedOf, historyStore: streams }),
  )
  built.core = core
  undo.push(() => engines.close())
  await engines.begin(core)
  undo.push(() => core.refusalLog.finish())
  writes.readiness = core.readiness
  const networks = networkRules(config.webhookAllow, config.webhookDeny)
  const webhooks = guard(config.databasePath, () => webhooksOf(core, writes, config, networks))
  const series = statisticsStore(writes, config.statisticsMaxRows)
  const backlogOf = (core.state.backlogOf = (app: App): Backlog => webhooks.backlog(app))
  const memoryBytes = process.memoryUsage.rss
  const statistics = new Statistics(core, series, { backlogOf, memoryBytes })
  const keepsSeries = config.statisticsMaxRows > 0
  if (keepsSeries && isFile(config.databasePath))
    undo.push(unlessMoved(() => runSafely(core, 'statistics', () => statistics.stop())))
  undo.push(() => webhooks.stop())
  const backups = backupsOf(core, config)
  undo.push(() => backups?.stop())
  undo.push(() => core.engine.stop())
  const hooks = new ApiHooks(core, addresses)
  const findApps = DIALECTS.map(({ findApp }) => findApp)
  const appRequests = new AppRequests(core, findApps)
  const feed = new LiveFeed(core)
  undo.push(() => feed.finish())
  const databaseFolder = isFile(config.databasePath) ? dirname(config.databasePath) : undefined
  const kept = { backups, keepsSeries, databaseFolder }
  const problems = new Problems(core, { access, metrics, deliveries: webhooks, ...kept })
  const apiOptions = {
    appRequests,
    dialects: DIALECTS.map(({ routes }) => routes),
    pathPrefix: config.pathPrefix,
    changes,
    hooks,
    locality,
    logins,
    enforced: { ...enforced, networks },
    deliveries: webhooks,
    statistics: { store: series, backlogOf, startedAt: clock.now() },
    feed,
    problems,
    metrics,
    audit,
    plugins,
    sessionHours: config.sessionHours,
    openAppId: published.appId,
    ...pagesOf(config, { published, locality, addresses }),
  }
  const apis = createApis(core, apiOptions, config.adminListen !== undefined)
  undo.push(() => stopPlugins(core.hooks, core))
  await startPlugins(core.hooks, core, options.givenUp)
  await openRoutes(plugins, hooks, options.givenUp)
  const xhr = new XhrSessions(core)
  const longPolls = new LongPolls(core, owns)
  await webhooks.load().catch((cause: unknown) => {
    throw storeError(config.databasePath, cause)
  })
  await makeWay()
  if (options.worker) entrance.isAmongOthers = await options.worker.takeTurn()
  const maxRequests = config.maxRequests || requestLimit()
  const inFlight = new InFlight(core, { addresses, appRequests, maxRequests })
  const responders = {
    core,
    config,
    addresses,
    locality,
    xhr,
    longPolls,
    inFlight,
    appRequests,
    listeners,
    entrance,
    peers,
  }
  const ports = await openPorts({ ...responders, ...apis, metrics: metrics.access })
  const { port, plainPort, adminAddress, metricsPort, renew, close } = ports
  core.state.port = port
  undo.push(() => close(true).then(() => slices.finish()))
  options.handOver?.(credentials)
  let successor: Successor | undefined
  let leaving: Promise<void> | undefined
  const served = { core, config, entrance, addresses, ports, webhooks }
  const stored = { db, lock, upkeep, statistics: keepsSeries ? statistics : undefined }
  const onMoved = (moved: Successor): void => {
    successor = moved
    options.onMoved?.(moved)
  }
  const door = await openDoor({ ...served, ...stored, succession, onMoved })
  undo.push(() => door.close())
  const goodbye = (rank?: Rank) => leave({ ...served, feed, end }, successor, rank)
  await engines.records?.found(credentials)
  guard(config.databasePath, () => {
    if (!engines.records) storeGenerated(credentials, store, apps, clock.now())
    // Who was with the process before has until then to come back.
    if (succession) void succession.settle(core).then(() => core.engine.start())
    else core.engine.start()
    webhooks.start()
  })
  const checkOpenFiles = watchOpenFiles(core)
  const sweep = newSweeper(core)
  const retention = { days: config.auditDays, maxRows: config.auditMaxRows }
  const trimmer = auditTrimmer(core, writes, retention)
  undo.push(() => trimmer.stop())
  const sweepStored = (): void => {
    runSafely(core, 'upkeep', () => upkeep.sweep(core.readiness))
    runSafely(core, 'files', () => files.check(core)) // last: what upkeep writes is no other program's
    writes.probe()
    backups?.sweep()
    runSafely(core, 'tokens', () => writes.runChore(() => tokens.sweep()))
    trimmer.sweep()
  }
  const sweepAll = (): void => {
    if (!core.state.draining) sweepStored()
    checkOpenFiles()
    uploads.sweep()
    quietLog.sweep()
    core.refusalLog.sweep()
    sweep()
    xhr.sweep()
    longPolls.sweep()
    logins.sweep()
    sessions.sweep()
    renew()
  }
  undo.push(clock.every(core.timing.sweepIntervalMs, sweepAll))
  undo.push(clock.every(UNAUTHORIZED_SWEEP_MS, newUnauthorizedSweeper(core)))
  undo.push(clock.every(EXPIRY_TICK_MS, newExpirySweeper(core)))
  undo.push(clock.every(LOOP_TICK_MS, tickOf(core, upkeep)))
  undo.push(clock.every(PROBLEMS_MS, problems.tick))
  if (keepsSeries) undo.push(clock.every(STATISTICS_MS, () => entrance.isOpen && statistics.tick()))
  undo.push(() => core.subscriptionCounts.stop())

  return {
    core,
    api: apis.api,
    plugins,
    xhr,
    sessions,
    credentials,
    port,
    plainPort,
    metricsPort,
    adminAddress,
    stop: end,
    leave: (rank) => (leaving ??= door.leave(() => goodbye(rank))),
    place: (move) => place(served, move),
  }
}
