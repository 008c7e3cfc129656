/**
 * The program: reads the settings, starts the server, announces it, and leaves at a signal.
 */
import { announce, describeStart } from './announce'
import { AddressError } from './bind'
import { CertificateError } from './certificate'
import { systemClock } from './clock'
import { RedisUnfit } from './cluster/link/away'
import { formatAddress } from './config/admin-settings'
import { nodeNameOf } from './config/cluster-settings'
import { ConfigError, readConfig, SETTINGS, type Config } from './config/config'
import { loadConfigFile, logConfigFile } from './config/config-file'
import { totalCounters } from './core/counters'
import { messageOf } from './core/errors'
import type { Log } from './core/types'
import type { Credentials } from './config/credentials'
import { warnLeftOver, writeGenerated } from './config/first-start'
import { createLog, type ServerLog } from './log'
import type { Environment } from './config/setting'
import { databaseOfWorker } from './config/workers-settings'
import { openFilesLimit, fileLimitWarnings } from './open-files'
import { PluginError } from './plugins'
import { createServer, type CarillonServer } from './server'
import { StoreError } from './store/errors'
import { listenAsWorker, listenToSignals } from './signals'
import { environmentOfStart, fail, readNotes, readSettings, workingFolder } from './start-settings'
import type { Successor } from './takeover/door'
import { announceToManager } from './takeover/manager'
import { startSuccessor } from './takeover/spawn'
import type { Move, Rank } from './takeover/steering'
import { connectToParent, type ParentLink } from './workers/parent-link'
import type { WorkerPart } from './workers/peers'

/** What lives as long as the process. */
type Program = ServerLog & {
  /** Aborted by a signal that comes before the server listens. */
  readonly givenUp: AbortController
  /** Of this process at its start, without what the files in its folder have: they may be others by the next one. */
  readonly ownEnv: Environment
  /** Undefined where this is the only process. */
  readonly parent: ParentLink | undefined
  /** As they were read. */
  readonly settings: Config
  server: CarillonServer | undefined
  /** It was asked to. */
  isLeaving: boolean
  /** Nothing is left to be done. */
  isOver: boolean
}

export type ServeOptions = {
  /** It takes the place of the server that has the database, where there is one. */
  readonly takesOver?: boolean
  /** The number of a worker, where a parent has started this process. */
  readonly worker?: number
}

/** Starts a server that leaves at the first signal, or exits and prints what is wrong. */
export async function serve({ takesOver = false, worker }: ServeOptions = {}): Promise<void> {
  const parent = worker === undefined ? undefined : connectToParent(worker)
  const settings = readSettings(parent?.fail)
  const config = parent ? configOfWorker(settings, parent.worker) : settings
  const program: Program = {
    ...(await createLog(config.logLevel, worker)),
    givenUp: new AbortController(),
    ownEnv: environmentOfStart(),
    parent,
    settings,
    server: undefined,
    isLeaving: false,
    isOver: false,
  }
  const { log, givenUp } = program
  if (!parent) logNotes(config, log)
  surviveFaults(program)
  leaveOnSignal(program)
  const { file, server } = await start(program, config, takesOver)
  program.server = server
  if (!parent) announceToManager(`READY=1\nMAINPID=${process.pid}`)
  if (givenUp.signal.aborted) await server.leave().then(() => exit(program)) // a signal came in the last moment
  if (!parent || parent.worker === 1) logConfigFile(file, log)
  if (parent) parent.sayListening(addressesOf(server), describeStart(server, config))
  else announce(server, config)
  if (!process.stderr.isTTY) logListening(program, server, config) // else the announcement is enough
}

/** Each worker is a node of its own. */
const configOfWorker = (config: Config, worker: number): Config =>
  Object.freeze({
    ...config,
    databasePath: databaseOfWorker(config.databasePath, worker),
    nodeName: `${nodeNameOf(config)}:${worker}`,
  })

function logNotes(config: Config, log: Log): void {
  for (const { level, message } of readNotes()) log[level]({}, message)
  for (const line of fileLimitWarnings(config, openFilesLimit())) log.warn({}, line)
}

/** Exits where the configuration file, the database, a plugin or the address can't be used. */
async function start(program: Program, config: Config, takesOver: boolean) {
  const { log, givenUp, parent } = program
  const give = parent?.fail ?? fail
  const surroundings = { clock: systemClock, givenUp: givenUp.signal }
  try {
    const file = await loadConfigFile(config.configFile, workingFolder(give), surroundings)
    const handOver = (credentials: Credentials) => shareGenerated(credentials, config, log)
    const onMoved = (successor: Successor) => leaveTo(program, successor)
    const options = { config, log, handOver, takesOver, onMoved, worker: workerPart(program) }
    if (takesOver) await rehearse()
    const server = await createServer({ ...options, ...surroundings, ...file })
    return { file, server }
  } catch (cause) {
    if (givenUp.signal.aborted) return exit(program)
    await program.finish()
    if (cause instanceof ConfigError) give(...cause.mistakes)
    const isExplained = [StoreError, PluginError, AddressError, CertificateError, RedisUnfit].some(
      (kind) => cause instanceof kind,
    )
    return give(isExplained ? messageOf(cause) : String(cause))
  }
}

const workerPart = ({ parent, settings }: Program): WorkerPart | undefined =>
  parent && {
    number: parent.worker,
    count: settings.workers,
    databasePath: settings.databasePath,
    takeTurn: () => parent.takeTurn(),
  }

const NO_LOG: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/**
 * Builds a server in memory, and takes it down. What runs for the first time takes three times as long, and the other
 * process has requests wait while this one is built.
 */
async function rehearse(): Promise<void> {
  const config = readConfig({ PORT: '0', DATABASE_PATH: ':memory:' })
  const server = await createServer({ config, log: NO_LOG, clock: systemClock })
  await server.stop()
}

/** Where it listens, as settings: ports that were to be chosen are numbers. */
function addressesOf({ port, plainPort, metricsPort, adminAddress }: CarillonServer): Environment {
  const admins = adminAddress && formatAddress(adminAddress)
  const given = [
    [SETTINGS.port, port],
    [SETTINGS.plainPort, plainPort],
    [SETTINGS.metricsPort, metricsPort],
    [SETTINGS.adminListen, admins],
  ] as const
  return Object.fromEntries(
    given.flatMap(([{ env }, value]) => (value === undefined ? [] : [[env, String(value)]])),
  )
}

/** The announcement for log collectors. */
function logListening({ log }: Program, server: CarillonServer, { host, pathPrefix }: Config) {
  const { port, adminAddress, metricsPort } = server
  const plugins = server.plugins.map(({ name }) => name)
  const admins = adminAddress && formatAddress(adminAddress)
  log.info({ host, port, admins, metricsPort, pathPrefix, plugins }, 'listening')
}

/** Warns of a credentials file of before; writes generated secrets to it where no terminal shows them. */
function shareGenerated(credentials: Credentials, { databasePath }: Config, log: Log): void {
  warnLeftOver(credentials, databasePath, log)
  if (!process.stdout.isTTY) writeGenerated(credentials, databasePath, systemClock.now())
}

/** The first signal drains, or gives up the start; a second one ends the process at once. */
function leaveOnSignal(program: Program): void {
  const { log, parent, finish: end } = program
  const leave = (signal: string): void => leaveNow(program, { signal })
  const replace = (): void =>
    void (program.server && startSuccessor(program.server.core, program.ownEnv))
  if (!parent) return listenToSignals({ log, leave, end, replace })
  listenAsWorker({ log, leave, end })
  parent.listen({
    leave: (rank) => leaveNow(program, {}, rank),
    place: (move) => void place(program, move),
    lose: () => leaveNow(program, { reason: 'the parent of the workers has ended' }),
  })
}

/** Shares the connections with other workers, as the parent says. */
async function place({ server, parent }: Program, move: Move | undefined): Promise<void> {
  await server?.place(move)
  if (move) parent?.send({ type: 'moved' })
}

/** Leaves once, whoever asks. */
function leaveNow(program: Program, fields: object, rank?: Rank): void {
  const { log, givenUp, server } = program
  if (program.isLeaving) return
  program.isLeaving = true
  log.info({ ...fields, connections: server?.core.hub.connectionCount ?? 0 }, 'leaving')
  if (server) void server.leave(rank).then(() => exit(program))
  else givenUp.abort()
}

/** Leaves, since another process serves; at once where that one has ended. */
function leaveTo(program: Program, { pid, gone }: Successor): void {
  announceToManager(`MAINPID=${pid}`)
  void program.server!.leave().then(() => exit(program))
  void gone.then(async () => {
    if (program.isOver) return
    program.log.error({ pid }, 'the process that has taken over has ended; leaving at once')
    await program.finish()
    process.exit(1)
  })
}

async function exit(program: Program): Promise<never> {
  const { server, log, finish } = program
  program.isOver = true
  log.info(server ? totalCounters(server.core) : {}, 'left')
  await finish()
  process.exit(0)
}

/** Logs uncaught faults: a promise that a plugin forgot must end neither connections nor the start. */
function surviveFaults(program: Program): void {
  const survive = (cause: unknown): void => {
    const core = program.server?.core
    if (core) core.counters.faults++
    const log = core?.log ?? program.log
    log.error({ err: cause }, 'uncaught fault')
  }
  process.on('unhandledRejection', survive)
  process.on('uncaughtException', survive)
}
