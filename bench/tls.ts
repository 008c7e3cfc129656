/**
 * TLS: what does it cost to end TLS in the server? The same connections and events with and without it, by the
 * runtime's own client, so that its figures are no other question's: what counts is their ratio.
 */
import { groupDigits } from './lib/crowds'
import { playLoad } from './lib/play'
import { USAGE_COLUMNS, type Question } from './lib/question'
import type { TlsCase } from './loads/tls'

export const makeTlsCase = (connections: number, payloadBytes = 100): TlsCase => ({
  label: `${groupDigits(connections)} x ${payloadBytes} B`,
  connections,
  payloadBytes,
})

export const TLS_LABEL = makeTlsCase(2000).label

export const tls: Question = {
  name: 'tls',
  asks: 'What does TLS in the server cost?',
  play: playLoad('tls.ts'),
  cases: [makeTlsCase(2000), makeTlsCase(2000, 1024)],
  quickCases: [],
  smokeCases: [makeTlsCase(50)],
  subjects: ['tls'],
  yardsticks: ['carillon'],
  figure: {
    title: 'deliveries per server-CPU-second',
    key: 'deliveriesPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'us per handshake', key: 'handshakeMicros', digits: 0 },
    { title: 'RSS bytes each', key: 'rssBytesEach', digits: 0 },
    ...USAGE_COLUMNS,
  ],
  faults: ['lost', 'dropped'],
  counted: 'deliveries',
}
