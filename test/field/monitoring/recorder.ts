/**
 * Scrapes of a server, a minute of Prometheus' time apart, and what the rules of `ops/alerts.yml` make of them:
 * `promtool` evaluates them over the recorded series.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Scraped, type Family } from '../../prometheus'
import { execute } from '../commands'

export const ALERTS_FILE = join(import.meta.dir, '../../../ops/alerts.yml')

/** How Prometheus would know the server. */
const TARGET = { job: 'carillon', instance: 'here' }

export class Recorder {
  /** By name and labels; no value for a minute in which there was none. */
  readonly #series = new Map<string, (number | undefined)[]>()
  #minutes = 0

  /** `folder` is for files of promtool, whose time begins at 0: that is the server's `startsAt` (epoch seconds). */
  constructor(
    readonly folder: string,
    readonly startsAt = 0,
  ) {}

  get minutes(): number {
    return this.#minutes
  }

  /** Records an answer to a scrape; undefined where there was none. */
  add(text: string | undefined): void {
    this.#record('up', {}, text === undefined ? 0 : 1)
    if (text !== undefined)
      for (const family of new Scraped(text).families.values()) this.#addFamily(family)
    this.#minutes++
  }

  #addFamily({ name, metrics }: Family): void {
    for (const { labels = {}, value, buckets, sum, count } of metrics) {
      if (value !== undefined) {
        const since = name.endsWith('_timestamp_seconds') ? this.startsAt : 0
        this.#record(name, labels, Number(value) - since)
      }
      if (!buckets) continue
      for (const [le, total] of Object.entries(buckets))
        this.#record(`${name}_bucket`, { ...labels, le }, Number(total))
      this.#record(`${name}_sum`, labels, Number(sum))
      this.#record(`${name}_count`, labels, Number(count))
    }
  }

  #record(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const all = Object.entries({ ...TARGET, ...labels })
    const key = `${name}{${all.map(([label, text]) => `${label}=${JSON.stringify(text)}`).join()}}`
    const values = this.#series.getOrInsertComputed(key, () => [])
    values[this.#minutes] = value
  }

  /** Fails unless these alerts fire in the last minute, and no others but `ignored` ones. */
  async expectFiring(alerts: readonly string[], ignored: readonly string[] = []): Promise<void> {
    const last = this.#minutes - 1
    const input = Array.from(this.#series, ([series, values]) => ({
      series,
      values: Array.from({ length: this.#minutes }, (_, minute) => values[minute] ?? '_').join(' '),
    }))
    const firing = {
      expr: `count by (alertname) (ALERTS{alertstate="firing",alertname!~"${ignored.join('|')}"})`,
      eval_time: `${last}m`,
      exp_samples: alerts.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
    }
    const test = { interval: '1m', input_series: input, promql_expr_test: [firing] }
    const file = join(this.folder, 'rules.test.json') // all JSON is YAML
    writeFileSync(file, JSON.stringify({ rule_files: [ALERTS_FILE], tests: [test] }))
    await execute(['promtool', 'test', 'rules', file], { cwd: this.folder, timeoutMs: 20_000 })
  }
}
