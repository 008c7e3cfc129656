/** Problem: a row of PROBLEMS: what may be wrong with the server or an app, how it is found, and what to do. */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Backlog, Deliveries } from '../core/deliveries'
import type { AppReading, Lately } from '../core/lately'
import type { AdminAccess } from './admin-changes'
import type { ProcessNumbers } from './metric-rows'
import type { MetricsOptions } from './metrics'

/** `critical`: clients are turned away or something is lost. `notice`: it may be meant so. */
export type Severity = 'critical' | 'warning' | 'notice'

/** What was found, in one sentence with figures; a function where that takes time, called where it is shown. */
export type Finding = {
  readonly text: string | (() => string)
  /** Where a row finds several: tells them apart. */
  readonly key?: string
  /** Epoch milliseconds; where it is not known, when it was first seen. */
  readonly since?: number
  /** In place of the row's. */
  readonly severity?: Severity
  readonly remedy?: string
}

type Found = Finding | undefined | readonly Finding[]

/** One thing that may be wrong with `Subject`. */
export type ProblemRow<Subject> = {
  /** Stays the same from version to version. */
  readonly code: string
  readonly severity: Severity
  /** What to do, or what to look at first. */
  readonly remedy: string
  /** Looks at what is known already; some microseconds. */
  readonly test: (subject: Subject) => Found
}

/** What rows about the server look at, all of one moment. */
export type Moment = {
  readonly core: Core
  /** Epoch milliseconds. */
  readonly now: number
  readonly lately: Lately
  readonly process: ProcessNumbers
  /** Of the disk of the database; undefined where it is in memory, or not known. */
  readonly freeBytes: number | undefined
  /** Ids of some apps with a published secret. */
  readonly publishedApps: readonly string[]
  /** Why the database could not be read. */
  readonly unreadable: string | undefined
  readonly sources: ProblemSources
}

/** What rows about an app look at. */
export type AppMoment = {
  readonly app: App
  readonly now: number
  readonly lately: AppReading & { readonly ms: number }
  readonly backlog: Backlog
  readonly deliveries: Pick<Deliveries, 'report'>
}

/** What is known outside of core. */
export type ProblemSources = {
  readonly access: Pick<AdminAccess, 'isPublished' | 'addresses' | 'locality' | 'logins'>
  readonly metrics: Pick<MetricsOptions, 'backupSeconds' | 'readProcess'>
  readonly deliveries: Pick<Deliveries, 'backlog' | 'report'>
  /** Of scheduled backups; undefined where none are made. */
  readonly backups: { readonly failure: string | undefined } | undefined
  /** Statistics have a time series. */
  readonly keepsSeries: boolean
  /** Undefined where the database is in memory. */
  readonly databaseFolder: string | undefined
}
