/**
 * The entry: reads the settings, starts the server, announces it, and leaves when told to.
 */
import { announce } from './announce'
import { systemClock } from './clock'
import { ConfigError, readConfig, type Config } from './config'
import { loadConfigFile, type FileConfig } from './config-file'
import { createLog } from './log'
import { notes } from './notes'
import { PluginError } from './plugins'
import { createServer, type CarillonServer } from './server'
import { StoreError } from './store/errors'

const OLDEST_BUN = '1.4.5'

function settings(): Config {
  if (!Bun.semver.satisfies(Bun.version, `>=${OLDEST_BUN}`))
    fail(`Bun ${Bun.version} is too old: ${OLDEST_BUN} is the oldest that delivers every message`)
  try {
    return readConfig(process.env)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    const warnings = notes(process.env).filter(({ level }) => level === 'warn')
    fail(...cause.mistakes, ...warnings.map(({ text }) => text))
  }
}

/** Exits where the configuration file can't be used. */
async function fileOf({ configFile }: Config): Promise<FileConfig> {
  try {
    return await loadConfigFile(configFile, process.cwd())
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    fail(...cause.mistakes)
  }
}

async function start(config: Config, file: FileConfig): Promise<CarillonServer> {
  try {
    return await createServer({ config, clock: systemClock, log, givenUp: givenUp.signal, ...file })
  } catch (cause) {
    if (givenUp.signal.aborted) return left()
    if (cause instanceof ConfigError) fail(...cause.mistakes)
    if (cause instanceof StoreError || cause instanceof PluginError) fail(cause.message)
    fail(unusableAddress(cause, config) ?? String(cause))
  }
}

/** What the system says of an address, in the operator's words. */
const ADDRESS_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process (set PORT to another one)',
  EACCES: 'needs rights that this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EINVAL: 'is not an address of this machine, nor a host that is known',
}

function unusableAddress(cause: unknown, { host, port }: Config): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return ADDRESS_ERRORS[code] && `${host}:${port} ${ADDRESS_ERRORS[code]}`
}

/** A terminal signals the whole process group, and `bun run` passes it on once more: that is one signal. */
const SAME_SIGNAL_MS = 300

/** The first signal drains, or gives up the start; a second one ends the process at once. */
function leaveOnSignal(): void {
  let leavingSince: number | undefined
  const leave = (signal: string): void => {
    const now = systemClock.mono()
    if (leavingSince !== undefined && now - leavingSince < SAME_SIGNAL_MS) return
    if (leavingSince !== undefined) process.exit(1)
    leavingSince = now
    log.info({ signal, connections: running?.core.hub.connectionCount ?? 0 }, 'leaving')
    if (running) void running.leave().then(left)
    else givenUp.abort()
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
}

async function left(): Promise<never> {
  log.info({ ...running?.core.counters }, 'left')
  await finish()
  process.exit(0)
}

/** A promise that a plugin forgot must not end everybody's connections, nor the start. */
function surviveFaults(): void {
  const survive = (cause: unknown): void => {
    if (running) running.core.counters.faults++
    const told = running?.core.log ?? log
    told.error({ err: cause }, 'uncaught fault')
  }
  process.on('unhandledRejection', survive)
  process.on('uncaughtException', survive)
}

function fail(...lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`carillon: ${line}\n`)
  process.exit(1)
}

const config = settings()
const { log, finish } = await createLog(config.logLevel)
for (const { level, text } of notes(process.env)) log[level]({}, text)
const givenUp = new AbortController()
let running: CarillonServer | undefined
const file = await fileOf(config)
surviveFaults()
leaveOnSignal()
running = await start(config, file)
if (givenUp.signal.aborted) await running.leave().then(left) // told in the last moment
announce(running, config)
