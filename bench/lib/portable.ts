/**
 * PORTABLE: what is asked where the load's raw sockets and the system's accounts are not to be had
 * (not Linux): what autocannon can ask, by the clock, of servers that are not pinned.
 */
import { trigger } from '../trigger'
import { withLoad } from './play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './question'

export const PORTABLE: readonly Question[] = [
  {
    ...trigger,
    play: withLoad('cannon.ts', { isUnmeasured: true }),
    quickCases: trigger.cases,
    figure: { title: '2xx per second', key: 'requestsPerSecond', digits: 0, better: 'more' },
    columns: [...LATENCY_COLUMNS, ...USAGE_COLUMNS.filter(({ key }) => key === 'loadCpuPercent')],
  },
]

/** Whether nothing else can be asked here, or nothing else is to be. */
export const isPortable = (platform: string, words: { readonly portable: boolean }): boolean =>
  words.portable || platform !== 'linux'

/** What a portable run does not ask of what was asked for. */
export function leftOut(questions: readonly string[]): string {
  const others = questions.filter((name) => !PORTABLE.some((question) => question.name === name))
  return [
    'What runs anywhere: requests by autocannon, per second of the clock, on a machine that is shared.',
    `Left out, since it needs Linux: CPU time and memory of the server, a CPU each for server and load, and the questions ${others.join(', ') || 'none'}.`,
  ].join('\n')
}
