/**
 * PORTABLE: what is measured where the load's raw sockets and the system's CPU accounts do not exist
 * (not Linux): what autocannon can measure, by the clock, of servers that are not pinned.
 */
import { trigger } from '../trigger'
import { playLoad } from './play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './question'

export const PORTABLE: readonly Question[] = [
  {
    ...trigger,
    play: playLoad('cannon.ts', { isUnmeasured: true }),
    quickCases: trigger.cases,
    figure: { title: '2xx per second', key: 'requestsPerSecond', digits: 0, better: 'more' },
    columns: [...LATENCY_COLUMNS, ...USAGE_COLUMNS.filter(({ key }) => key === 'loadCpuPercent')],
  },
]

/** True where nothing else can be measured on this system, or the options ask for no more. */
export const mustBePortable = (
  platform: string,
  options: { readonly isPortable: boolean },
): boolean => options.isPortable || platform !== 'linux'

/** Describes what a portable run leaves out of the questions that were requested. */
export function describeLeftOut(questions: readonly string[]): string {
  const others = questions.filter((name) => !PORTABLE.some((question) => question.name === name))
  return [
    'What runs anywhere: requests by autocannon, per second of the clock, on a machine that is shared.',
    `Left out, since it needs Linux: CPU time and memory of the server, a CPU each for server and load, and the questions ${others.join(', ') || 'none'}.`,
  ].join('\n')
}
