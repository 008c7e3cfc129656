/**
 * `carillon doctor`: looks at this machine, the settings of this folder and the server that runs by them, and says what
 * is wrong. It connects to this machine, and to the Redis of the settings.
 */
import { engines, version } from '../../package.json'
import { SETTINGS, type Config } from '../config/config'
import { usableCores } from '../config/cores'
import { databaseOfWorker } from '../config/workers-settings'
import { fileLimitWarnings, openFilesLimit } from '../open-files'
import { checkConfig } from './check-config'
import { SERVER_OPTIONS, type Around, type CommandRow } from './command'
import { checkDatabase } from './doctor-database'
import { checkReach } from './doctor-reach'
import { checkRedis } from './doctor-redis'
import { checkServer } from './doctor-server'
import { EXITS } from './exits'
import { printFindings, type Finding } from './findings'

export const DOCTOR: CommandRow = {
  name: 'doctor',
  about: 'look for what is wrong with a server, its settings and its machine',
  details:
    'Exits with 1 where something is wrong. Whether a client outside would get in is told from the settings: it connects to this machine, and to the Redis of the settings.',
  options: SERVER_OPTIONS,
  examples: [
    ['doctor', 'in the folder and with the environment of the server'],
    ['doctor --json | jq ".[] | select(.state != \\"ok\\")"', 'what needs a look'],
  ],
  run: async (_given, around) => {
    const findings = await examine(around)
    const { terminal } = around
    if (terminal.isJson) terminal.json(findings)
    else printFindings(findings, terminal)
    const isWell = findings.every(({ state }) => state !== 'fail')
    return isWell ? EXITS.done.code : EXITS.failed.code
  },
}

async function examine(around: Around): Promise<readonly Finding[]> {
  const { mistakes, warnings } = await checkConfig(around)
  const settings: readonly Finding[] = [
    ...mistakes.map((about) => ({ state: 'fail', check: 'settings', about }) as const),
    ...warnings.map((about) => ({ state: 'warn', check: 'settings', about }) as const),
  ]
  if (mistakes.length > 0) return [...checkVersions(), ...settings]
  const config = around.client.target.settings
  const server = await checkServer(around, config)
  return [
    ...checkVersions(server.version),
    ...(settings.length > 0
      ? settings
      : [{ state: 'ok', check: 'settings', about: 'no mistakes' } as const]),
    ...checkDescriptors(config),
    ...server.findings,
    ...(await checkRedis(config)),
    ...checkDatabases(config, around.folder, server.isUp),
    ...checkCores(config),
    ...checkReach(config),
  ]
}

/** `running` is the version of the server that answers, where it is known. */
function checkVersions(running?: string): Finding[] {
  const here = `Carillon ${version} on Bun ${Bun.version}`
  if (running === undefined || running === version)
    return [{ state: 'ok', check: 'versions', about: `${here} (needs ${engines.bun})` }]
  const about = `${here}, and the server that answers is ${running}: restart it, or run its own carillon`
  return [{ state: 'warn', check: 'versions', about }]
}

/** Of all workers; of those after the first what is wrong. */
function checkDatabases(config: Config, folder: string, isServed: boolean): Finding[] {
  const of = (worker: number): Finding[] => {
    const databasePath = databaseOfWorker(config.databasePath, worker)
    const found = checkDatabase({ ...config, databasePath }, folder, isServed)
    return worker === 1 ? found : found.filter(({ state }) => state !== 'ok')
  }
  return Array.from({ length: config.workers }, (_, index) => of(index + 1)).flat()
}

function checkCores({ workers }: Config): Finding[] {
  const [cores, check] = [usableCores(), 'cores']
  if (workers > cores)
    return [{ state: 'warn', check, about: `${workers} workers share ${cores} cores` }]
  const rest = workers < cores ? `: ${SETTINGS.workers.env}=auto uses all, with a Redis` : ''
  return [{ state: 'ok', check, about: `${workers} of ${cores} cores can be used${rest}` }]
}

const FEW_FILES = 10_000

function checkDescriptors(config: Config): Finding[] {
  const files = openFilesLimit()
  const check = 'descriptors'
  if (files === undefined)
    return [{ state: 'ok', check, about: 'this system gives no number of open files' }]
  const warnings = fileLimitWarnings(config, files)
  if (warnings.length > 0) return warnings.map((about) => ({ state: 'warn', check, about }))
  const found = `${files} open files are allowed in this shell; a service may have another limit`
  if (files >= FEW_FILES) return [{ state: 'ok', check, about: found }]
  const about = `${found}: raise it for more connections (ulimit -n, LimitNOFILE= of systemd)`
  return [{ state: 'warn', check, about }]
}
