/** PROBLEMS: what may be wrong with the server right now. Thresholds are those of `ops/alerts.yml`, where that has one. */
import { CERTIFICATE_SOON_MS } from '../core/core'
import { sumOfTally } from '../core/lately'
import type { Part } from '../core/readiness'
import {
  bytes,
  duration,
  group,
  percent,
  reasonsOf,
  remedyFor,
  some,
  someAre,
  someWere,
} from './problem-words'
import type { Finding, Moment, ProblemRow } from './problem'
import { NODE_PROBLEMS } from './problem-rows-of-nodes'

const REMEDIES: Readonly<Record<Part, string>> = {
  webhooks:
    'Look at the disk of the database and at the endpoints of webhooks: their events wait in memory.',
  database:
    'Stop the server, bring the file back or restore a backup (carillon restore), and start again.',
  writes:
    'Look at the disk of the database (full, read-only?) and for a program that locks it. Events go on; changes are refused.',
  files:
    'Raise the limit of open files (LimitNOFILE=, ulimit -n), or lower CARILLON_MAX_CONNECTIONS.',
  redis:
    'Look at Redis and the way to it. Sockets stay; what needs the other servers is refused until it is back.',
  'fan-out': 'Find "fault" in the log, and report it; a restart helps for now.',
}

const LITTLE_BYTES = 1e9
const NO_BYTES = 5e7
const MOST_MEMORY = 0.85
const MOST_FILES = 0.75
const MOST_CONNECTIONS = 0.9
const MANY_CUT = 10
const MANY_REFUSED = 20
const MANY_LOGINS = 20
/** Of all measurements: so many may take longer. */
const LATE_SHARE = 0.1
const FEW_TICKS = 50
const FEW_FRAMES = 20
const LOGIN_CODES = ['login_failed', 'login_rate', 'token_refused']

const OWN_CREDENTIALS =
  'Before others can reach the server, set credentials of your own: PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET, PUSHER_ADMIN_USERNAME, PUSHER_ADMIN_PASSWORD.'

export const PROBLEMS: readonly ProblemRow<Moment>[] = [
  {
    code: 'not_ready',
    severity: 'critical',
    remedy: '',
    test: ({ core: { readiness } }) =>
      readiness.parts().map((part): Finding => ({
        key: part,
        text: `/ready is red: ${readiness.reasonOf(part)}`,
        remedy: readiness.remedyOf(part) ?? REMEDIES[part],
      })),
  },
  {
    code: 'database_unreadable',
    severity: 'critical',
    remedy: REMEDIES.database,
    test: ({ unreadable }) =>
      unreadable === undefined
        ? undefined
        : { text: `The database cannot be read, so nothing is known of webhooks: ${unreadable}` },
  },
  {
    code: 'draining',
    severity: 'warning',
    remedy: 'It was told to stop; where that takes too long, look for requests that do not end.',
    test: ({ core }) =>
      core.state.draining ? { text: 'The server is leaving: it takes no new clients' } : undefined,
  },
  {
    code: 'takeover_failed',
    severity: 'warning',
    remedy: 'This version goes on. Mend what the reason names, and start the new version again.',
    test: ({ core: { state } }) =>
      state.takeoverFailure === undefined
        ? undefined
        : { text: `A new version could not take over: ${state.takeoverFailure}` },
  },
  {
    code: 'connections_full',
    severity: 'critical',
    remedy:
      'Raise CARILLON_MAX_CONNECTIONS, and the limit of open files with it (LimitNOFILE=, ulimit -n).',
    test: ({ core: { hub, timing } }) => {
      const { maxConnections: most } = timing
      const { connectionCount: count } = hub
      if (most === 0 || count < MOST_CONNECTIONS * most) return undefined
      return { text: `${someAre(count, 'connection')} open, of ${group(most)} that may be` }
    },
  },
  {
    code: 'files_nearly_used_up',
    severity: 'critical',
    remedy: REMEDIES.files,
    test: ({ process: { openFiles, maxFiles } }) => {
      if (openFiles === undefined || maxFiles === undefined) return undefined
      if (openFiles <= MOST_FILES * maxFiles) return undefined
      return { text: `${someAre(openFiles, 'file')} open, of ${group(maxFiles)} that may be` }
    },
  },
  {
    code: 'memory_nearly_used_up',
    severity: 'critical',
    remedy:
      'Give it more memory, or allow less: CARILLON_MAX_CONNECTIONS, CARILLON_MAX_UNREAD_BYTES, history of the apps.',
    test: ({ process: { residentBytes, memoryBytes } }) =>
      residentBytes > MOST_MEMORY * memoryBytes
        ? { text: `${bytes(residentBytes)} of memory are used, of ${bytes(memoryBytes)}` }
        : undefined,
  },
  {
    code: 'disk_nearly_full',
    severity: 'warning',
    remedy: 'Make room on the disk of the database: without any, changes and webhooks are refused.',
    test: ({ freeBytes: free }) => {
      if (free === undefined || free >= LITTLE_BYTES) return undefined
      const text = `${bytes(free)} are free on the disk of the database`
      return free < NO_BYTES ? { text, severity: 'critical' } : { text }
    },
  },
  {
    code: 'database_in_memory',
    severity: 'notice',
    remedy: 'Name a file in DATABASE_PATH.',
    test: ({ sources }) =>
      sources.databaseFolder === undefined
        ? { text: 'The database is in memory: apps, webhooks and statistics end with the process' }
        : undefined,
  },
  {
    code: 'backup_fails',
    severity: 'critical',
    remedy: 'Look at the folder of CARILLON_BACKUP_PATH: it needs room, and rights to write there.',
    test: ({ core, sources: { backups, metrics } }) => {
      const reason = backups?.failure
      const { backedUpAt } = core.state
      const age = backedUpAt === undefined ? undefined : core.clock.mono() - backedUpAt
      const last = age === undefined ? 'there is none' : `the last one is ${duration(age)} old`
      if (reason !== undefined) return { text: `The backup has failed, and ${last}: ${reason}` }
      const isOld = age !== undefined && age > 2000 * (metrics.backupSeconds ?? Infinity)
      return isOld ? { text: `No backup is made: ${last}` } : undefined
    },
  },
  {
    code: 'certificate_ends',
    severity: 'warning',
    remedy:
      'Renew the files of CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE: the server takes them by itself.',
    test: ({ core: { clock, state } }) => {
      if (state.certificateEndsAt === undefined) return undefined
      const leftMs = state.certificateEndsAt - clock.now()
      if (leftMs > CERTIFICATE_SOON_MS) return undefined
      const at = new Date(state.certificateEndsAt).toISOString()
      return leftMs > 0
        ? { text: `The certificate of the public port ends at ${at}` }
        : { text: `The certificate of the public port has ended at ${at}`, severity: 'critical' }
    },
  },
  {
    code: 'loop_lag',
    severity: 'critical',
    remedy:
      'Something keeps the event loop: load, a plugin that computes (page Plugins: busy), or a machine that gives it no CPU.',
    test: ({ core, lately }) => {
      const { boundsMs } = core.latencies.loopLag
      const share = lately.shareAbove('loopLag', boundsMs, 100, FEW_TICKS)
      if (share === undefined || share < LATE_SHARE) return undefined
      return { text: `The event loop was more than 100 ms late in ${percent(share)} of the time` }
    },
  },
  {
    code: 'fan_out_lag',
    severity: 'critical',
    remedy:
      "More is published to large channels than one process sends: lower `max_backend_events_per_second` of the app's `limits`, or send fewer and larger events.",
    test: ({ core, lately }) => {
      const { boundsMs } = core.latencies.fanOutLag
      const share = lately.shareAbove('fanOutLag', boundsMs, 500, FEW_FRAMES)
      if (share === undefined || share < LATE_SHARE) return undefined
      return {
        text: `${percent(share)} of the events that waited reached their last subscriber after more than 500 ms`,
      }
    },
  },
  {
    code: 'readers_cut',
    severity: 'warning',
    remedy:
      'A few are phones in tunnels. Many: a proxy that does not pass on what it gets, or events larger and more often than clients can read.',
    test: ({ lately }) => {
      const count = lately.count('slowReadersClosed')
      if (count <= MANY_CUT) return undefined
      return {
        text: `${someWere(count, 'client')} cut in ${duration(lately.ms)} because they read too slowly`,
      }
    },
  },
  {
    code: 'refused',
    severity: 'warning',
    remedy: '',
    test: ({ lately }) => {
      const refusals = lately.unnamedRefusals
      for (const code of LOGIN_CODES) delete refusals[code]
      const count = sumOfTally(refusals)
      if (count <= MANY_REFUSED) return undefined
      return {
        text: `${some(count, 'refusal')} in ${duration(lately.ms)} of who names no app: ${reasonsOf(refusals)}`,
        remedy: remedyFor(refusals),
      }
    },
  },
  {
    code: 'logins_refused',
    severity: 'warning',
    remedy:
      'An old secret in a backend, a token that has ended, or somebody who guesses: keep the address out at the proxy. A lock-out ends by itself (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE).',
    test: ({ lately, sources }) => {
      const { count: locked, addresses } = sources.access.logins.locked()
      const { refusals } = lately.now
      const before = lately.before?.refusals
      const refused = LOGIN_CODES.reduce(
        (sum, code) => sum + (refusals[code] ?? 0) - (before?.[code] ?? 0),
        0,
      )
      if (locked > 0)
        return {
          text: `${someAre(locked, 'client')} locked out after wrong passwords or secrets: ${addresses.join(', ')}`,
        }
      if (refused <= MANY_LOGINS) return undefined
      return { text: `${some(refused, 'password')} or tokens refused in ${duration(lately.ms)}` }
    },
  },
  {
    code: 'proxy_not_named',
    severity: 'warning',
    remedy:
      'Name it in CARILLON_TRUSTED_PROXIES and restart: until then its clients are not told apart, and none is limited by its address.',
    test: ({ sources }) => {
      const { unnamedProxy } = sources.access.addresses
      if (unnamedProxy === undefined) return undefined
      return { text: `A proxy at ${unnamedProxy} forwards, and is not named in the settings` }
    },
  },
  {
    code: 'published_credentials',
    severity: 'notice',
    remedy: OWN_CREDENTIALS,
    test: ({ publishedApps, sources: { access } }) => {
      const apps = publishedApps.map((id) => `the app ${id}`)
      const whose = [...(access.isPublished ? ['the admin'] : []), ...apps]
      if (whose.length === 0) return undefined
      const text = `Published credentials are in use (${whose.join(', ')}); they are good on this machine only`
      const { brokenRules } = access.locality
      if (brokenRules.length === 0) return { text }
      const more = `, and were refused to somebody else (${brokenRules.join(', ')})`
      return { text: text + more, severity: 'warning' }
    },
  },
  {
    code: 'plugin_breaks',
    severity: 'warning',
    remedy:
      'The log has the error. A gate that fails refuses, so clients are turned away: take the plugin out of carillon.config.ts until it is mended.',
    test: ({ lately }) =>
      Object.entries(lately.hookFaults).map(([key, count]): Finding => {
        const [plugin, hook] = key.split(' ')
        const text = `The hook ${hook} of ${plugin} has failed ${some(count, 'time')} in ${duration(lately.ms)}`
        return { key, text }
      }),
  },
  ...NODE_PROBLEMS,
  {
    code: 'faults',
    severity: 'warning',
    remedy:
      'Find "fault" in the log, which has the stack, and report it. Nobody was let in for it.',
    test: ({ lately }) => {
      const count = lately.count('faults')
      return count > 0
        ? { text: `${some(count, 'unexpected error')} of the server in ${duration(lately.ms)}` }
        : undefined
    },
  },
  {
    code: 'clients_outdated',
    severity: 'notice',
    remedy:
      'Update them. pusher-js signs users in from 7.1 on: events to users, watchlists and the end of a user do not reach older ones.',
    test: ({ lately }) => {
      const { outdated } = lately
      const count = sumOfTally(outdated)
      if (count === 0) return undefined
      return {
        text: `${some(count, 'connection')} in ${duration(lately.ms)} of outdated clients: ${reasonsOf(outdated)}`,
      }
    },
  },
  {
    code: 'statistics_refused',
    severity: 'warning',
    remedy: 'The database does not take them: look at its disk. No number is lost, it comes later.',
    test: ({ lately }) => {
      const count = lately.count('statisticsRefused')
      return count > 0
        ? {
            text: `Statistics could not be written ${some(count, 'time')} in ${duration(lately.ms)}`,
          }
        : undefined
    },
  },
  {
    code: 'statistics_off',
    severity: 'notice',
    remedy: 'Set CARILLON_STATISTICS_MAX_ROWS, or leave it out.',
    test: ({ sources }) =>
      sources.keepsSeries
        ? undefined
        : { text: 'Statistics are off: there is no course of the last hour, day and year' },
  },
]
