// oxlint-disable-next-line typescript/triple-slash-reference -- for whoever compiles a file that imports this one
/// <reference path="./prom-client.d.ts" />
/**
 * Exposition: metrics in Prometheus' text format. What writes it is loaded when somebody first asks. Metrics are
 * rendered one by one, as many in a turn of the event loop as have room. Owns the rendering under way, which all that
 * ask meanwhile share.
 */
import type { Family } from 'prom-client/lib/registry.js'
import { once } from '../core/faults'
import type { Slices } from '../core/slices'

/** Reads what metrics are made of, all of one moment; each is then made by itself. */
export type ReadMetrics = () => Promise<readonly (() => Family)[]>

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const load = once(async () => {
  const { default: Registry } = await import('prom-client/lib/registry.js')
  await nextTurn()
  return new Registry()
})

export class Exposition {
  #underWay: Promise<string> | undefined

  constructor(
    readonly slices: Slices,
    readonly read: ReadMetrics,
  ) {}

  render(): Promise<string> {
    this.#underWay ??= this.#render().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #render(): Promise<string> {
    const registry = await load()
    const { slices } = this
    const texts: string[] = []
    const families = await this.read()
    let began = slices.meter()
    for (const familyOf of families) {
      texts.push(await registry.getMetricsAsString({ get: async () => familyOf() }))
      slices.spend(began)
      if (!slices.hasTime) await nextTurn()
      began = slices.meter()
    }
    return `${texts.join('\n\n')}\n`
  }
}
