/**
 * The program: reads the settings, starts the server, announces it, and leaves at a signal.
 */
import { announce } from './announce'
import { AddressError } from './bind'
import { CertificateError } from './certificate'
import { systemClock } from './clock'
import { formatAddress } from './config/admin-settings'
import { ConfigError, readConfig, type Config } from './config/config'
import { loadConfigFile, logConfigFile } from './config/config-file'
import { totalCounters } from './core/counters'
import { messageOf, toOneLine } from './core/errors'
import type { Log } from './core/types'
import type { Credentials } from './config/credentials'
import { envFiles, withoutFiles } from './config/env-files'
import { warnLeftOver, writeGenerated } from './config/first-start'
import { ignoresHangups } from './hangup'
import { createLog, type ServerLog } from './log'
import { notes } from './config/notes'
import type { Environment } from './config/setting'
import { openFilesLimit, fileLimitWarnings } from './open-files'
import { PluginError } from './plugins'
import { createServer, type CarillonServer } from './server'
import { StoreError } from './store/errors'
import type { Successor } from './takeover/door'
import { announceToManager } from './takeover/manager'
import { startSuccessor } from './takeover/spawn'

/** What lives as long as the process. */
type Program = ServerLog & {
  /** Aborted by a signal that comes before the server listens. */
  readonly givenUp: AbortController
  /** Of this process at its start, without what the files in its folder have: they may be others by the next one. */
  readonly ownEnv: Environment
  server: CarillonServer | undefined
  /** Nothing is left to be done. */
  isOver: boolean
}

export type ServeOptions = {
  /** It takes the place of the server that has the database, where there is one. */
  readonly takesOver?: boolean
}

/** Starts a server that leaves at the first signal, or exits and prints what is wrong. */
export async function serve({ takesOver = false }: ServeOptions = {}): Promise<void> {
  const config = readSettings()
  const program: Program = {
    ...(await createLog(config.logLevel)),
    givenUp: new AbortController(),
    ownEnv: withoutFiles(readFiles(), process.env),
    server: undefined,
    isOver: false,
  }
  const { log, givenUp } = program
  for (const { level, message } of readNotes()) log[level]({}, message)
  for (const line of fileLimitWarnings(config, openFilesLimit())) log.warn({}, line)
  surviveFaults(program)
  leaveOnSignal(program)
  const { file, server } = await start(program, config, takesOver)
  program.server = server
  announceToManager(`READY=1\nMAINPID=${process.pid}`)
  if (givenUp.signal.aborted) await server.leave().then(() => exit(program)) // a signal came in the last moment
  logConfigFile(file, log)
  announce(server, config)
  if (!process.stderr.isTTY) logListening(program, server, config) // else the announcement is enough
}

const readFiles = () => envFiles(workingFolder(), process.execArgv, process.env)
const readNotes = () => notes(process.env, readFiles())

/** Exits where the folder was removed, as a deploy removes the release before. */
function workingFolder(): string {
  try {
    return process.cwd()
  } catch {
    return fail('the working directory was removed: start the server in one that exists') // ENOENT
  }
}

function readSettings(): Config {
  try {
    return readConfig(process.env)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    fail(...cause.mistakes, ...readNotes().map(({ message }) => message))
  }
}

/** Exits where the configuration file, the database, a plugin or the address can't be used. */
async function start(program: Program, config: Config, takesOver: boolean) {
  const { log, givenUp } = program
  const surroundings = { clock: systemClock, givenUp: givenUp.signal }
  try {
    const file = await loadConfigFile(config.configFile, workingFolder(), surroundings)
    const handOver = (credentials: Credentials) => shareGenerated(credentials, config, log)
    const onMoved = (successor: Successor) => leaveTo(program, successor)
    const options = { config, log, handOver, takesOver, onMoved }
    if (takesOver) await rehearse()
    const server = await createServer({ ...options, ...surroundings, ...file })
    return { file, server }
  } catch (cause) {
    if (givenUp.signal.aborted) return exit(program)
    await program.finish()
    if (cause instanceof ConfigError) fail(...cause.mistakes)
    const isExplained = [StoreError, PluginError, AddressError, CertificateError].some(
      (kind) => cause instanceof kind,
    )
    fail(isExplained ? messageOf(cause) : String(cause))
  }
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

/** A terminal signals the whole process group, and `bun run` passes it on once more: that is one signal. */
const SAME_SIGNAL_MS = 300

/** The first signal drains, or gives up the start; a second one ends the process at once. */
function leaveOnSignal(program: Program): void {
  const { log, givenUp, finish } = program
  let leavingSince: number | undefined
  const leave = (signal: string): void => {
    const now = systemClock.mono()
    if (leavingSince !== undefined && now - leavingSince < SAME_SIGNAL_MS) return
    if (leavingSince !== undefined) {
      log.warn({ signal }, 'a second signal: ended at once')
      return void finish().then(() => process.exit(1))
    }
    leavingSince = now
    const { server } = program
    log.info({ signal, connections: server?.core.hub.connectionCount ?? 0 }, 'leaving')
    if (server) void server.leave().then(() => exit(program))
    else givenUp.abort()
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
  if (!ignoresHangups()) process.on('SIGHUP', leave)
  process.on(
    'SIGUSR2',
    () => void (program.server && startSuccessor(program.server.core, program.ownEnv)),
  )
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

const MAX_LINE_CHARS = 4096

/** Exits with a line for each mistake. Lines may quote what others wrote: a configuration file, a database. */
function fail(...lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`carillon: ${toOneLine(line, MAX_LINE_CHARS)}\n`)
  process.exit(1)
}
