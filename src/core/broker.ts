/**
 * Broker: carries publications to every node and back to this one. It decides when this node delivers,
 * by calling the function that it was constructed with.
 */
import type { Publication } from './messages'

export interface Broker {
  /** Accepts a publication; it reaches this node's subscribers when the broker delivers it. */
  publish(publication: Publication): void
}

/** One node: delivers at once. */
export class LocalBroker implements Broker {
  constructor(readonly deliver: (publication: Publication) => void) {}

  publish(publication: Publication): void {
    this.deliver(publication)
  }
}
