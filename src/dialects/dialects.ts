/** DIALECTS: the servers whose clients and backends work here unchanged. Core knows none of them. */
import type { GroupTable } from '../core/groups'
import type { DialectRoutes } from '../http/routes'
import type { FindApp } from '../http/app-requests'
import type { Mount } from '../protocols/phoenix'
import { mount as scopeMount } from './expusherlite/mount'
import { expusherliteRoutes, findScopeApp } from './expusherlite/routes'
import { SCOPES } from './expusherlite/scopes'
import { mount as pushMount } from './pushex/mount'
import { findPushApp, pushexRoutes } from './pushex/routes'

export type Dialect = {
  /** Its HTTP API. */
  readonly routes: DialectRoutes
  readonly findApp: FindApp
  /** Its socket. */
  readonly mount: Mount
  /** Groups of channels, where it has some. */
  readonly groups?: GroupTable
}

/** In the order in which the document shows their routes. */
export const DIALECTS: readonly Dialect[] = [
  { routes: expusherliteRoutes, findApp: findScopeApp, mount: scopeMount, groups: SCOPES },
  { routes: pushexRoutes, findApp: findPushApp, mount: pushMount },
]
