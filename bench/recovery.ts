/**
 * Recovery: ten thousand clients are cut at once and come back with `since`, while events go on: how long until the
 * last one has all that it missed? And a thousand cuts of pages with stock pusher-js or phoenix.js and `carillon/resume`:
 * is an event ever missed, repeated or out of order? (`lib/cut-trial.ts`)
 */
import { playOverFile } from './history'
import { groupDigits } from './lib/crowds'
import { runCutTrial, type CutCase } from './lib/cut-trial'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type BenchCase, type Question } from './lib/question'
import type { RecoveryCase } from './loads/recovery'

const recoveryCase = (
  clients: number,
  channels: number,
  missed: number,
  payloadBytes = 100,
): RecoveryCase => ({
  label: `${groupDigits(clients)} clients, ${channels} channels, ${missed} missed of ${payloadBytes} B`,
  clients,
  channels,
  missed,
  payloadBytes,
})

export const RECOVERED = recoveryCase(10_000, 100, 20)

export const recovery: Question = {
  name: 'recovery',
  asks: 'When has the last of ten thousand clients that were cut what it missed?',
  play: playOverFile('recovery.ts'),
  cases: [RECOVERED, recoveryCase(10_000, 1, 20), recoveryCase(500, 5, 150, 1024)],
  quickCases: [recoveryCase(1000, 10, 20)],
  smokeCases: [recoveryCase(100, 4, 5)],
  subjects: ['history', 'durable'],
  yardsticks: [],
  figure: { title: 'ms to the last', key: 'caughtUpMs', digits: 0, better: 'less' },
  columns: [
    { title: 'clients per server-CPU-second', key: 'clientsPerCpuSecond', digits: 0 },
    { title: 'times connecting', key: 'timesConnecting', digits: 2 },
    { title: 'replayed', key: 'replayed', digits: 0 },
    { title: 'unrecovered', key: 'unrecovered', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
  faults: ['lost', 'reordered', 'unrecovered'],
  counted: 'caughtUp',
}

const cutCase = (row: Omit<CutCase, keyof BenchCase>): CutCase => ({
  label: `${groupDigits(row.cuts)} cuts of ${row.pages} pages`,
  ...row,
})

export const CUT = cutCase({ cuts: 1000, absences: 10, pages: 6, size: 300 })

export const cuts: Question = {
  name: 'cuts',
  asks: 'Do stock pusher-js and phoenix.js with the resume helper hear each event once, whenever they are cut?',
  play: runCutTrial,
  rounds: 1,
  cases: [CUT],
  quickCases: [],
  smokeCases: [cutCase({ cuts: 20, absences: 1, pages: 3, size: 20 })],
  subjects: ['history'],
  yardsticks: [],
  figure: { title: 'cuts per second', key: 'cutsPerSecond', digits: 1, better: 'more' },
  columns: [
    { title: 'cuts', key: 'cuts', digits: 0 },
    { title: 'events', key: 'events', digits: 0 },
    { title: 'heard', key: 'heard', digits: 0 },
    { title: 'replayed', key: 'replayed', digits: 0 },
    { title: 'recovered', key: 'recovered', digits: 0 },
    { title: 'too late', key: 'tooLate', digits: 0 },
    { title: 'wrong', key: 'wrong', digits: 0 },
  ],
  faults: ['wrong'],
  counted: 'recovered',
}
