/**
 * Stalls: how long can one party hold the event loop? Each misdeed by itself, on a server without
 * plugins and with the limits that it comes with, while a neighbour pings. The figure is CPU time of
 * the server's thread, so that a busy machine does not count; the neighbour's is the wall clock's. Where
 * the bare loop is beside it, that much is the runtime's, which hands over all that is ready in one turn.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { StallCase } from './loads/stalls'
import type { Misdeed } from './lib/misdeed'
import { findMisdeed, MISDEEDS } from './lib/misdeeds'
import { playLoad } from './lib/play'
import type { Outcome, Question, Turn } from './lib/question'

const PEM = {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const

function play(turn: Turn): Promise<Outcome> {
  const { env } = findMisdeed(turn.row.label)
  const { publicKey, privateKey } = generateKeyPairSync('rsa', PEM)
  const row: StallCase = { ...turn.row, privateKey }
  const playStart = playLoad('stalls.ts', {
    meter: 'turns',
    env: { BENCH_PUBLIC_KEY: publicKey, ...env },
  })
  return playStart({ ...turn, row })
}

const caseOf = ({ label, side, hasFloor }: Misdeed) => ({
  label,
  sides: [side ?? 'plain', ...(hasFloor ? ['bare'] : [])],
  seconds: 1,
})

export const stalls: Question = {
  name: 'stalls',
  asks: 'How long can one party make everybody else wait?',
  play,
  rounds: 1, // a play is several times itself
  cases: MISDEEDS.map(caseOf),
  quickCases: [],
  smokeCases: MISDEEDS.slice(0, 1).map(caseOf),
  subjects: ['plain', 'guarded', 'carillon'],
  yardsticks: ['bare'],
  figure: { title: 'longest turn, CPU ms', key: 'turnMs', digits: 2, better: 'less' },
  columns: [
    { title: 'busy turns, CPU ms', key: 'busyMs', digits: 0 },
    { title: "neighbour's p50 ms", key: 'p50Ms', digits: 2 },
    { title: 'p99 ms', key: 'p99Ms', digits: 2 },
    { title: 'max ms', key: 'maxMs', digits: 1 },
  ],
  faults: [],
  counted: 'times',
}
