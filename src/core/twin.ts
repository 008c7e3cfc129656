/**
 * Twin: the other of two processes of which one takes the place of the other. While both have sockets, what one
 * publishes is delivered by both, and who is to be ended is ended by both. It is no engine: members and counts are
 * each process's own.
 */
import type { Order } from './engine'
import type { Publication } from './messages'
import type { Position } from './types'

export interface Twin {
  /** Has the other process deliver what this one has delivered. */
  deliver(publication: Publication, position: Position): void
  /** Has it carry out what this one has carried out, where that concerns sockets. */
  order(order: Order): void
}
