/**
 * Metrics of workers: where several processes share the port, a scrape reaches one of them by chance, so it answers for
 * all of its machine. Every sample has the label `worker`; a counter is then always that of one process.
 */
import type { Family } from 'prom-client/lib/registry.js'

/** The same samples, said to be of a worker. */
export const labelWorker = (family: Family, worker: number): Family => ({
  ...family,
  values: family.values.map((sample) => ({
    ...sample,
    labels: { ...sample.labels, worker: String(worker) },
  })),
})

const NAME = /^# HELP (\S+)/

/** One text of several: what they say of a metric stands together, as the format has it. */
export function mergeTexts(texts: readonly string[]): string {
  const byName = new Map<string, string[]>()
  for (const block of texts.flatMap((text) => text.trimEnd().split('\n\n'))) {
    const name = NAME.exec(block)?.[1] ?? ''
    const known = byName.get(name)
    if (!known) byName.set(name, [block])
    else known.push(...block.split('\n').filter((line) => !line.startsWith('#')))
  }
  return `${Array.from(byName.values(), (lines) => lines.join('\n')).join('\n\n')}\n`
}
