/**
 * DIALECTS: the servers whose clients and backends work here unchanged, and what each brings. Core knows
 * none of them.
 */
import type { DialectRoutes } from '../http/api'
import { pushexRoutes } from './pushex/routes'

export type Dialect = {
  /** Its HTTP API. */
  readonly routes: DialectRoutes
}

/** In the order in which the document shows their routes. */
export const DIALECTS: readonly Dialect[] = [{ routes: pushexRoutes }]
