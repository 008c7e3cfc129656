/**
 * ROUTES: all routes of the server, in the order of the document, and the side that each is on. Where admins have
 * an address of their own (`CARILLON_ADMIN_LISTEN`), each side is an app that lacks the other's routes, so no
 * spelling of a path leads to them. Routes of plugins are on the side that `adminOnly` says.
 */
import type { AnyElysia } from 'elysia'
import type { AuditStore } from '../core/audit'
import type { Core } from '../core/core'
import type { Deliveries } from '../core/deliveries'
import type { Side } from './address'
import { admin, type AdminOptions } from './admin'
import type { AppSecrets } from './app-secrets'
import type { SignedAccess } from './auth'
import { adminConnections } from './admin-connections'
import { adminUsers } from './admin-users'
import { audit } from './audit'
import { channels } from './channels'
import { deadLetters } from './dead-letters'
import { deliveries } from './deliveries'
import { endpoints } from './endpoints'
import { development } from './development'
import { events } from './events'
import { operations } from './health'
import { history } from './history'
import type { ApiHooks } from './hooks'
import { live } from './live'
import type { LiveFeed } from './live-feed'
import { metrics, type MetricsOptions } from './metrics'
import { nodes } from './nodes'
import { console as consolePage, reference, type BrowserPage, type Console } from './pages'
import { pluginReports, type RunningPlugin } from './plugins'
import { problemRoutes } from './problem-routes'
import type { Problems } from './problems'
import { sessions } from './session-routes'
import { stats, type StatsSource } from './stats'
import { appsStats } from './stats-apps'
import { tokens } from './tokens'
import { users } from './users'

/** What the routes of a dialect authenticate with. */
export type DialectAccess = {
  readonly hooks: ApiHooks
  readonly secrets: AppSecrets
  /** The app that needs no credentials, if there is one. */
  readonly openAppId: string | undefined
  readonly statistics: StatsSource
}

/** The routes of another server's API. */
export type DialectRoutes = (core: Core, access: DialectAccess) => AnyElysia

/** What routes are made of. */
export type RouteOptions = SignedAccess &
  AdminOptions &
  DialectAccess & {
    /** Of the address that the routes are for; undefined where there is one for all. */
    readonly side: Side | undefined
    /** Undefined where there is none, here or at all. */
    readonly reference: BrowserPage | undefined
    readonly console: Console | undefined
    readonly dialects: readonly DialectRoutes[]
    readonly deliveries: Deliveries
    readonly audit: Pick<AuditStore, 'page'>
    readonly feed: LiveFeed
    readonly problems: Problems
    readonly metrics: MetricsOptions
    readonly plugins: readonly RunningPlugin[]
    readonly sessionHours: number
  }

type Row = {
  readonly side: Side | 'both'
  readonly routes: (core: Core, options: RouteOptions) => AnyElysia | readonly AnyElysia[]
}

export const ROUTES: readonly Row[] = [
  { side: 'both', routes: operations },
  { side: 'public', routes: events },
  { side: 'public', routes: channels },
  { side: 'public', routes: history },
  { side: 'public', routes: users },
  { side: 'public', routes: development },
  {
    side: 'public',
    routes: (core, options) => options.dialects.map((routes) => routes(core, options)),
  },
  { side: 'admin', routes: admin },
  {
    side: 'admin',
    routes: (core, { deliveries: source, changes }) => [
      deliveries(source, changes),
      endpoints(source, changes),
      deadLetters(core, source, changes),
    ],
  },
  { side: 'admin', routes: (core, { changes }) => tokens(core, changes) },
  {
    side: 'admin',
    routes: (core, { changes, sessionHours }) => sessions(core, changes, sessionHours),
  },
  { side: 'admin', routes: (core, options) => audit(core, options.audit, options.changes) },
  { side: 'admin', routes: (_, { feed, changes }) => live(feed, changes) },
  { side: 'admin', routes: (core, { changes }) => adminConnections(core, changes) },
  { side: 'admin', routes: (core, { changes }) => adminUsers(core, changes) },
  {
    side: 'admin',
    routes: (core, { plugins, changes }) => pluginReports(core.hooks, plugins, changes),
  },
  { side: 'admin', routes: (core, options) => stats(core, options.statistics, options.changes) },
  {
    side: 'admin',
    routes: (core, options) => appsStats(core, options.statistics, options.changes),
  },
  {
    side: 'admin',
    routes: (core, { problems, changes }) => problemRoutes(core, problems, changes),
  },
  { side: 'admin', routes: (core, { changes }) => nodes(core, changes) },
  { side: 'admin', routes: (core, options) => metrics(core, options.metrics, options.deliveries) },
  {
    side: 'admin',
    routes: (_, options) => (options.reference ? reference(options.reference) : []),
  },
  {
    side: 'admin',
    routes: (_, options) => (options.console ? consolePage(options.console) : []),
  },
]
