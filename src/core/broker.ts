/**
 * Broker: carries publications to every node and back to this one. `publish` never delivers;
 * the broker decides when this node does, by calling what it was given at birth.
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
