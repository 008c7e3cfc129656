/**
 * Light: what does it take to try Carillon? A clone in an empty folder, the one command of README.md,
 * the first 200 of `/up`; then once more with everything installed. Packages come from Bun's cache
 * where they are in it, as on a machine on which it was tried before.
 */
import { join } from 'node:path'
import { countBytes, cloneRepository, startCheckout } from './lib/checkout'
import type { BenchCase, Outcome, Question, Turn } from './lib/question'
import { makeScratch } from './lib/scratch'
import { ROOT } from './lib/sides'
import { readMemoryMib } from './lib/usage'

type LightCase = BenchCase & {
  /** The repository. */
  readonly from: string
}

export const LIGHT: LightCase = { label: 'a fresh clone', from: ROOT, seconds: 3 }

/** @throws Error when the repository can't be cloned, or its server never answers */
async function play({ row, seconds }: Turn): Promise<Outcome> {
  using empty = makeScratch()
  const folder = join(empty.path, 'clone')
  const cloned = performance.now()
  await cloneRepository((row as LightCase).from, folder)
  const first = await startCheckout(folder)
  const firstMs = performance.now() - cloned
  await first[Symbol.asyncDispose]()
  const started = performance.now()
  await using server = await startCheckout(folder)
  const readyMs = performance.now() - started
  await Bun.sleep(seconds * 1000)
  return {
    firstMs,
    modulesMb: countBytes(join(folder, 'node_modules')) / 1e6,
    readyMs,
    restMib: readMemoryMib(server.pid, 'VmRSS'),
    starts: 2,
  }
}

export const light: Question = {
  name: 'light',
  asks: 'What does it take to try Carillon?',
  play,
  cases: [LIGHT],
  quickCases: [],
  smokeCases: [],
  subjects: ['carillon'],
  yardsticks: [],
  figure: { title: 'ms from clone to first 200', key: 'firstMs', digits: 0, better: 'less' },
  columns: [
    { title: 'MB of node_modules', key: 'modulesMb', digits: 1 },
    { title: 'ms to ready, installed', key: 'readyMs', digits: 0 },
    { title: 'RSS MiB at rest', key: 'restMib', digits: 1 },
  ],
  faults: [],
  counted: 'starts',
}
