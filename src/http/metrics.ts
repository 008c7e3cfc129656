/** Routes for monitoring: `/metrics` for Prometheus, `/usage` as soketi has it. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import type { Deliveries } from '../core/deliveries'
import { messageOf } from '../core/errors'
import { Exposition } from './exposition'
import { WORDS, type MetricsAccess } from './metrics-access'
import { LabelledApps } from './metrics-apps'
import { labelWorker, mergeTexts } from './metrics-of-workers'
import { familyOf, type ProcessNumbers, type Scrape } from './metric-rows'
import { METRICS } from './metrics-table'
import { ADMIN_SECURITY } from './openapi-text'
import { ADMIN_REFUSALS, errorText } from './refusals'
import { objectSchema } from './schemas'

export type MetricsOptions = Pick<Scrape, 'soketiPrefix' | 'backupSeconds'> & {
  readonly access: MetricsAccess
  readonly readProcess: () => ProcessNumbers
  /** Apps with series of their own. */
  readonly maxApps: number
}

const TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const EXAMPLE = `# HELP carillon_connections connections that name the app
# TYPE carillon_connections gauge
carillon_connections{app_id="1"} 7
`

const REFUSALS = {
  ...ADMIN_REFUSALS,
  401: errorText(WORDS.admin_unauthorized),
}

const Usage = objectSchema(
  {
    memory: Type.Object({
      free: Type.Integer({ description: 'Bytes that the process may still use' }),
      used: Type.Integer({ description: 'Bytes of resident memory' }),
      total: Type.Integer({ description: 'Bytes that the container allows, or the machine has' }),
      percent: Type.Number({ description: 'What is used of the total' }),
    }),
  },
  { memory: { free: 3_000_000_000, used: 1_000_000_000, total: 4_000_000_000, percent: 25 } },
)

export function metrics(core: Core, options: MetricsOptions, deliveries: Deliveries) {
  const { access, readProcess, maxApps, soketiPrefix, backupSeconds } = options
  const labelled = new LabelledApps(core, maxApps, (app) => deliveries.backlog(app))
  const { worker } = core.about
  const exposition = new Exposition(core.slices, async () => {
    const apps = await labelled.read()
    const port = String(access.changes.access.addresses.port)
    const process = readProcess()
    const scrape = { core, process, apps, port, soketiPrefix, backupSeconds }
    return METRICS.map((row) => () => {
      const family = familyOf(row, scrape)
      return worker === undefined ? family : labelWorker(family, worker)
    })
  })
  core.state.readMetrics = () => exposition.render()
  return new Elysia({ tags: ['operations'] })
    .onBeforeHandle(access.authorize)
    .get(
      '/metrics',
      async ({ set }) => {
        set.headers['content-type'] = TYPE
        return worker === undefined ? exposition.render() : renderAll(core, exposition)
      },
      {
        response: { 200: Type.String({ examples: [EXAMPLE] }), ...REFUSALS },
        detail: {
          operationId: 'readMetrics',
          summary: 'Metrics for Prometheus',
          description:
            'In the text format 0.0.4. Takes `CARILLON_METRICS_TOKEN` as Bearer, too, as Prometheus sends it.',
          security: ADMIN_SECURITY,
        },
      },
    )
    .get(
      '/usage',
      () => {
        const { residentBytes: used, memoryBytes: total } = readProcess()
        const percent = Math.round((used / total) * 1e4) / 100
        return { memory: { free: Math.max(0, total - used), used, total, percent } }
      },
      {
        response: { 200: Usage, ...REFUSALS },
        detail: {
          operationId: 'readUsage',
          summary: 'Memory of the process',
          description: 'In the shape that soketi has.',
          security: ADMIN_SECURITY,
        },
      },
    )
}

/** Of all workers of the machine; of this one alone while Redis is away. */
async function renderAll({ engine, log }: Core, exposition: Exposition): Promise<string> {
  const others = Promise.resolve(engine.metricsOfWorkers()).catch((cause: unknown) => {
    log.warn({ error: messageOf(cause) }, 'metrics: the other workers cannot be asked')
    return []
  })
  return mergeTexts([await exposition.render(), ...(await others)])
}
