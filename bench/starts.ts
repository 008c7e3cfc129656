/**
 * Starts: what does a start cost that finds a lot? CPU time of the process until it answers. Beside a
 * quarter of as much, since what grows faster than what it finds is the question.
 */
import { join } from 'node:path'
import { cpuSecondsOf } from './lib/libc'
import { startServer } from './lib/processes'
import type { BenchCase, Outcome, Question, Turn } from './lib/question'
import { makeScratch } from './lib/scratch'
import { Stage } from './lib/stage'
import { fillOutbox } from './misdeeds/webhooks'

type StartCase = BenchCase & {
  readonly env?: Readonly<Record<string, string>>
  /** What a server that was there before has left in the file. */
  readonly leave?: (stage: Stage) => Promise<void>
}

async function play({ row, side }: Turn): Promise<Outcome> {
  const { env = {}, leave } = row as StartCase
  using folder = makeScratch()
  const whole = { DATABASE_PATH: join(folder.path, 'starts.sqlite'), ...env }
  if (leave) {
    await using before = await startServer(side, { env: whole })
    await leave(new Stage(before.peer))
  }
  const began = performance.now()
  await using server = await startServer(side, { env: whole })
  const readyMs = performance.now() - began
  return { readyMs, startMs: cpuSecondsOf(server.peer.pid!) * 1000, starts: 1 }
}

const makeConfiguredCase = (apps: number): StartCase => ({
  label: `${apps} apps of the configuration file`,
  env: { CARILLON_CONFIG: 'bench/servers/many-apps.ts', BENCH_APPS: String(apps) },
})

const makeStoredCase = (apps: number): StartCase => ({
  label: `${apps} stored apps`,
  leave: async (stage) => {
    for (let index = 0; index < apps; index++)
      await stage.admin('POST', '', `{"app":{"name":"app ${index}"}}`)
  },
})

export const STARTS = {
  empty: { label: 'an empty database' },
  configured: [makeConfiguredCase(1000), makeConfiguredCase(4000)],
  stored: [makeStoredCase(2500), makeStoredCase(10_000)],
  webhooks: { label: 'a million events of webhooks', leave: fillOutbox },
} as const satisfies Record<string, StartCase | readonly [StartCase, StartCase]>

export const starts: Question = {
  name: 'starts',
  asks: 'What does a start cost that finds a lot?',
  play,
  cases: Object.values(STARTS).flat(),
  quickCases: [],
  smokeCases: [makeConfiguredCase(10)],
  subjects: ['plain', 'executable'],
  yardsticks: [],
  figure: { title: 'CPU ms until it answers', key: 'startMs', digits: 0, better: 'less' },
  columns: [{ title: 'ms until it answers', key: 'readyMs', digits: 0 }],
  faults: [],
  counted: 'starts',
}
