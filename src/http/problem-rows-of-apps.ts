/** APP_PROBLEMS: what may be wrong with one app right now; who sees the app sees them. */
import { maskWholeUrl } from '../apps/masks'
import type { EndpointReport } from '../core/deliveries'
import { sumOfTally } from '../core/lately'
import {
  duration,
  group,
  percent,
  reasonsOf,
  remedyFor,
  some,
  someAre,
  someWere,
} from './problem-words'
import type { AppMoment, ProblemRow } from './problem'

const LATE_MS = 120_000
const MANY_REFUSED = 20
const MANY_SHARE = 0.2
const MOST_CONNECTIONS = 0.9
const SHOWN_ENDPOINTS = 2

export const APP_PROBLEMS: readonly ProblemRow<AppMoment>[] = [
  {
    code: 'webhooks_lost',
    severity: 'critical',
    remedy:
      'There was no room (CARILLON_WEBHOOK_MAX_STORED, CARILLON_WEBHOOK_MAX_STORED_PER_ENDPOINT), no disk, or their endpoint was removed. Whoever counts on them asks the HTTP API what is true now.',
    test: ({ lately }) => {
      const { lost } = lately
      if (lost === 0) return undefined
      return { text: `${someWere(lost, 'webhook event')} lost in ${duration(lately.ms)}` }
    },
  },
  {
    code: 'webhooks_fail',
    severity: 'warning',
    remedy:
      'The page Webhooks has status and error of the last requests. Events are tried for five minutes, then kept as dead letters.',
    test: (moment) => {
      const { failing } = moment.backlog
      if (failing === 0) return undefined
      const text = `${someWere(failing, 'webhook event')} sent and not accepted`
      return { text: () => `${text}: ${endpointsOf(moment)}` }
    },
  },
  {
    code: 'webhooks_given_up',
    severity: 'warning',
    remedy:
      'Nothing is lost: mend the endpoint, then replay them (page Webhooks, or POST /api/admin/apps/SLUG/webhooks/replay).',
    test: (moment) => {
      const { dead, failing } = moment.backlog
      if (dead === 0) return undefined
      const text = `${someWere(dead, 'webhook event')} given up`
      return { text: failing > 0 ? text : () => `${text}: ${endpointsOf(moment)}` }
    },
  },
  {
    code: 'webhooks_late',
    severity: 'warning',
    remedy:
      'An endpoint is down or too slow. Where all requests succeed, more happens than it takes: let it answer first and work later.',
    test: ({ backlog: { oldest, pending }, now }) => {
      if (oldest === null || now - oldest <= LATE_MS) return undefined
      return {
        text: `${someAre(pending, 'webhook event')} waiting, the oldest for ${duration(now - oldest)}`,
        since: oldest,
      }
    },
  },
  {
    code: 'webhooks_paused',
    severity: 'notice',
    remedy:
      'Resume it when its receiver is in order (page Webhooks): what has waited is sent then. Past CARILLON_WEBHOOK_MAX_STORED_PER_ENDPOINT new events are dropped.',
    test: (moment) => {
      const { paused } = moment.backlog
      if (paused === 0) return undefined
      const text = `${some(paused, 'endpoint')} of webhooks ${paused === 1 ? 'is' : 'are'} paused`
      return { text: () => `${text}: ${pausedOf(moment)}` }
    },
  },
  {
    code: 'app_refused',
    severity: 'warning',
    remedy: '',
    test: ({ lately }) => {
      const { refusals, accepted } = lately
      const count = sumOfTally(refusals)
      const share = count / Math.max(1, count + accepted)
      if (count <= MANY_REFUSED || share <= MANY_SHARE) return undefined
      return {
        text: `${some(count, 'refusal')} in ${duration(lately.ms)}, ${percent(share)} of what was asked for: ${reasonsOf(refusals)}`,
        remedy: remedyFor(refusals),
      }
    },
  },
  {
    code: 'app_nearly_full',
    severity: 'warning',
    remedy: 'Raise `max_connections_per_app` of its `limits`, or close what is not needed.',
    test: ({ app: { gauges, limits } }) => {
      const most = limits.maxConnectionsPerApp
      if (most === 0 || gauges.connections < MOST_CONNECTIONS * most) return undefined
      return {
        text: `${someAre(gauges.connections, 'connection')} open, of ${group(most)} that the app may have`,
      }
    },
  },
]

function pausedOf({ app, deliveries }: AppMoment): string {
  const { endpoints } = deliveries.report(app, 0)
  return endpoints
    .filter(({ pausedAt }) => pausedAt !== null)
    .slice(0, SHOWN_ENDPOINTS)
    .map(({ endpoint }) => maskWholeUrl(endpoint))
    .join(', ')
}

/** `https://example.org/hook (failing): answered 503` */
function endpointsOf({ app, deliveries }: AppMoment): string {
  const { endpoints } = deliveries.report(app, 0)
  const ill = endpoints.filter(({ failing, dead, state }) => failing + dead > 0 || state !== 'ok')
  const shown = ill.slice(0, SHOWN_ENDPOINTS).map(describe)
  return ill.length > SHOWN_ENDPOINTS
    ? `${shown.join('; ')}; and ${ill.length - SHOWN_ENDPOINTS} more endpoints`
    : shown.join('; ')
}

function describe({ endpoint, state, attempts }: EndpointReport): string {
  const name = `${maskWholeUrl(endpoint)} (${state})`
  const error = attempts.find((attempt) => attempt.error !== null)?.error
  return error ? `${name}: ${error}` : name
}
