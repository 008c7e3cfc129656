/**
 * History: what does it cost to keep the last events of a channel, in memory and in the database? Fan-out and
 * triggers beside a server that keeps none, all three over a file; and the bytes that an event takes.
 */
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { swarmQuestion } from './fanout'
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { playLoad, runAgainst } from './lib/play'
import { startServer } from './lib/processes'
import type { BenchCase, Outcome, Question, Turn } from './lib/question'
import { makeScratch } from './lib/scratch'
import type { HistoryCase } from './loads/history'
import { ONE_CHANNEL, trigger } from './trigger'

const AGAINST_OFF = { subjects: ['history', 'durable'], yardsticks: ['carillon'] } as const

/** Plays a load against a server with a database in a file, as they are. */
export const playOverFile =
  (script: string, env: Readonly<Record<string, string>> = {}) =>
  async (turn: Turn): Promise<Outcome> => {
    using folder = makeScratch()
    const file = { DATABASE_PATH: join(folder.path, 'history.sqlite') }
    return await playLoad(script, { env: { ...env, ...file } })(turn)
  }

export const historyFanout: Question = {
  ...swarmQuestion,
  ...AGAINST_OFF,
  name: 'history-fanout',
  asks: 'What do kept events cost a fan-out?',
  play: playOverFile('swarm.ts'),
  cases: [makeCrowdCase(makeCrowd()), makeCrowdCase(makeCrowd(saturate(1)))],
  quickCases: [],
  smokeCases: [makeCrowdCase(makeCrowd({ subscribers: 50 }))],
}

export const historyTrigger: Question = {
  ...trigger,
  ...AGAINST_OFF,
  name: 'history-trigger',
  asks: 'What do kept events cost a trigger?',
  play: playOverFile('cannon.ts'),
  cases: [ONE_CHANNEL],
  quickCases: [],
}

const memoryCase = (label: string, row: Omit<HistoryCase, keyof BenchCase>): HistoryCase => ({
  label,
  ...row,
})

export const KEPT = memoryCase('20 000 events of 100 B in 10 channels', {
  channels: 10,
  eventsEach: 2000,
  payloadBytes: 100,
})

export const KEPT_LARGE = memoryCase('5 000 events of 1 KiB in 10 channels', {
  channels: 10,
  eventsEach: 500,
  payloadBytes: 1024,
})

const FEW = memoryCase('100 events of 100 B', { channels: 2, eventsEach: 50, payloadBytes: 100 })

/** Keeps events in the database, and looks how much of the file is in use then. */
async function playOnDisk(turn: Turn): Promise<Outcome> {
  using folder = makeScratch()
  const file = join(folder.path, 'history.sqlite')
  const env = { DATABASE_PATH: file, BENCH_HISTORY_SIZE: '100000' }
  await using server = await startServer(turn.side, { env })
  const before = readUsedBytes(file)
  const outcome = await runAgainst('history.ts', turn, server.peer)
  return { ...outcome, diskBytesEach: (readUsedBytes(file) - before) / Number(outcome['kept']) }
}

/** Bytes of the pages that hold something, in the log of the file, too. */
function readUsedBytes(file: string): number {
  using database = new Database(file, { readonly: true })
  const read = (name: string): number =>
    Object.values(database.query(`PRAGMA ${name}`).get() as Record<string, number>)[0]!
  return (read('page_count') - read('freelist_count')) * read('page_size')
}

export const historyDisk: Question = {
  name: 'history-disk',
  asks: 'How much of the database does a durable event take?',
  play: playOnDisk,
  cases: [KEPT, KEPT_LARGE],
  quickCases: [],
  smokeCases: [FEW],
  subjects: ['durable'],
  yardsticks: [],
  figure: { title: 'bytes of the file each', key: 'diskBytesEach', digits: 0, better: 'less' },
  columns: [{ title: 'kept', key: 'kept', digits: 0 }],
  faults: ['lost'],
  counted: 'kept',
}

export const historyMemory: Question = {
  name: 'history-memory',
  asks: 'How much memory does a kept event take?',
  play: playLoad('history.ts', { meter: 'heap', env: { BENCH_HISTORY_SIZE: '100000' } }),
  cases: [KEPT, KEPT_LARGE],
  quickCases: [],
  smokeCases: [FEW],
  subjects: ['history'],
  yardsticks: [],
  figure: { title: 'heap bytes each', key: 'heapBytesEach', digits: 0, better: 'less' },
  columns: [
    { title: 'kept', key: 'kept', digits: 0 },
    { title: 'RSS MiB', key: 'serverRssMib', digits: 0 },
  ],
  faults: ['lost'],
  counted: 'kept',
}
