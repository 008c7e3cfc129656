/**
 * What `carillon doctor` finds out about the server that answers, or about the port that it would take. Only servers of
 * this machine are asked.
 */
import type { Config } from '../config/config'
import { parseRecord } from '../core/json'
import type { Around } from './command'
import { CommandError } from './exits'
import { isHere, showPlace } from './target'
import type { Finding } from './findings'

export type ServerFindings = {
  readonly isUp: boolean
  /** Undefined where it is not known. */
  readonly version: string | undefined
  readonly findings: readonly Finding[]
}

export async function checkServer(around: Around, config: Config): Promise<ServerFindings> {
  const { client } = around
  const { place, adminPlace } = client.target
  const { base } = place
  const unknown = { isUp: false, version: undefined }
  if (!isHere(place) || !isHere(adminPlace)) {
    const about = `${base} is not this machine, and is not asked`
    return { ...unknown, findings: [{ state: 'ok', check: 'server', about }] }
  }
  try {
    const before = Date.now()
    const answer = await client.fetch(place, '/ready')
    const skew = checkClock(answer, before)
    const admin = await checkAdmin(around)
    const findings = [await checkReady(answer, base), ...skew, ...admin.findings]
    return { isUp: true, version: admin.version, findings }
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause
    return { ...unknown, findings: [checkPort(config, base)] }
  }
}

async function checkReady(answer: Response, base: string): Promise<Finding> {
  const check = 'server'
  if (answer.ok) return { state: 'ok', check, about: `${base} is ready` }
  const reason = parseRecord(await answer.text())?.['reason']
  if (answer.status === 503 && reason !== undefined)
    return { state: 'fail', check, about: `${base} is not ready: ${reason}` }
  const about = `what answers at ${base} is no Carillon server (${answer.status} for /ready)`
  return { state: 'fail', check, about }
}

/** Signatures are good for ten minutes; a second is lost by the header, which has no fractions. */
const MAX_SKEW_SECONDS = 600
const NOTED_SKEW_SECONDS = 5

function checkClock(answer: Response, before: number): Finding[] {
  const date = Date.parse(answer.headers.get('date') ?? '')
  if (Number.isNaN(date)) return []
  const skew = Math.round((date - (before + Date.now()) / 2) / 1000)
  const check = 'clock'
  if (Math.abs(skew) < NOTED_SKEW_SECONDS)
    return [{ state: 'ok', check, about: 'the server has the same time' }]
  const about = `the server's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead' : 'behind'}; signed requests are refused from ${MAX_SKEW_SECONDS} s on`
  return [{ state: Math.abs(skew) < MAX_SKEW_SECONDS ? 'warn' : 'fail', check, about }]
}

/** The version is that of the document, where the server shows it. */
async function checkAdmin({ client }: Around): Promise<Omit<ServerFindings, 'isUp'>> {
  const { adminPlace } = client.target
  try {
    const answer = await client.fetch(adminPlace, '/swagger/json')
    const info = answer.ok ? parseRecord(await answer.text())?.['info'] : undefined
    return { version: (info as { version?: string } | undefined)?.version, findings: [] }
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause
    const about = `nothing answers at ${showPlace(adminPlace)}, where the settings have the admin API`
    return { version: undefined, findings: [{ state: 'fail', check: 'admin', about }] }
  }
}

/** Listens for a moment, on this machine only. */
function checkPort({ port }: Config, base: string): Finding {
  const check = 'server'
  try {
    Bun.serve({ port, hostname: '127.0.0.1', reusePort: false, fetch: () => new Response() }).stop(
      true,
    )
    return { state: 'warn', check, about: `nothing answers at ${base}; port ${port} is free` }
  } catch (cause) {
    const isTaken = (cause as { code?: string }).code === 'EADDRINUSE'
    const why = isTaken ? 'another program has it' : 'this user may not have it'
    return { state: 'fail', check, about: `port ${port} cannot be used: ${why}` }
  }
}
