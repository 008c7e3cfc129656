/**
 * Idle: what does it cost to know that ten thousand silent connections live? CPU of the server per
 * second, for as long as it takes to ask each of them at least once.
 */
import { playLoad } from './lib/play'
import { USAGE_COLUMNS, type Outcome, type Question, type Turn } from './lib/question'
import type { IdleCase } from './loads/idle'

/** The server looks every five seconds and pings who was silent for longer: so much more. */
const LOOKS_EVERY = 5

const idleCase = (activitySeconds: number, isPinging: boolean, times = 1): IdleCase => ({
  label: `10 000 that ${isPinging ? 'ask' : 'answer'}, every ${activitySeconds} s`,
  connections: 10_000,
  activitySeconds,
  isPinging,
  seconds: times * (activitySeconds + (isPinging ? 0 : LOOKS_EVERY)),
})

export const ANSWERING = idleCase(30, false, 2)

const FEW: IdleCase = {
  ...idleCase(1, false),
  label: '100 that answer',
  connections: 100,
  seconds: 0.1,
}

function play(turn: Turn): Promise<Outcome> {
  const { activitySeconds } = turn.row as IdleCase
  const env = { CARILLON_ACTIVITY_TIMEOUT_SECONDS: String(activitySeconds) }
  return playLoad('idle.ts', { env })(turn)
}

export const idle: Question = {
  name: 'idle',
  asks: 'What does it cost to know that ten thousand silent connections live?',
  play,
  rounds: 1,
  cases: [idleCase(30, true, 2), idleCase(120, true), ANSWERING, idleCase(120, false)],
  quickCases: [],
  smokeCases: [FEW],
  subjects: ['carillon'],
  yardsticks: [],
  figure: { title: 'CPU ms per second', key: 'cpuMsPerSecond', digits: 1, better: 'less' },
  columns: [
    { title: 'pings said per second', key: 'saidPerSecond', digits: 0 },
    { title: 'reads per second', key: 'heardPerSecond', digits: 0 },
    ...USAGE_COLUMNS,
  ],
  faults: ['dropped'],
  counted: 'ready',
}
