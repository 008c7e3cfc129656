/** Prometheus' text format, read by a parser that refuses what is none. */
import parse from 'parse-prometheus-text-format'
import type { TestServer } from './harness'

export type Family = {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly metrics: readonly {
    readonly labels?: Readonly<Record<string, string>>
    readonly value?: string
    readonly buckets?: Readonly<Record<string, string>>
    readonly count?: string
    readonly sum?: string
  }[]
}

/** The metrics of one scrape, by name. */
export class Scraped {
  readonly families: ReadonlyMap<string, Family>

  constructor(readonly text: string) {
    this.families = new Map((parse(text) as Family[]).map((family) => [family.name, family]))
  }

  /** The value of the one sample with these labels, among others; undefined where there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.families
      .get(name)
      ?.metrics.find((sample) =>
        Object.entries(labels).every(([label, value]) => sample.labels?.[label] === value),
      )
    return found && Number(found.value ?? found.count)
  }

  /** All values of a label. */
  valuesOf(name: string, label: string): string[] {
    const { metrics = [] } = this.families.get(name) ?? {}
    return metrics.map(({ labels }) => labels?.[label] ?? '')
  }
}

export async function scrape(server: TestServer): Promise<Scraped> {
  return new Scraped(await (await server.admin('/metrics')).text())
}
