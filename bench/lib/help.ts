/**
 * What `bun run bench --help` prints: questions and sizes from their tables.
 */
import { QUESTIONS } from './catalogue'
import { SIZES } from './sizes'

const COMMANDS = [
  ['bun run bench [SIZE] [QUESTION ...]', 'play, print a table, keep every round'],
  ['bun run bench report [RUN]', 'a page with charts and a Markdown table; the newest run if none'],
  [
    'bun run bench publish [RUN ...]',
    'keeps runs as the published ones; their tables into the READMEs and guides',
  ],
  ['bun run bench compare A B', 'what got better or worse from A to B beyond the noise'],
  [
    'bun run bench soak [--minutes N] [--seed N]',
    'churn, clocks that jump, kill -9: is anything lost or kept?',
  ],
  ['bun run bench autocannon [URL]', 'commands to paste against a server that runs'],
  [
    'bun run bench autocannon --run [--requests N] [URL]',
    'runs them, signed afresh, against a server of its own where none is named',
  ],
] as const

const OPTIONS = [
  ['--rounds N', 'how often'],
  ['--seconds N', 'how long one measurement takes'],
  ['--sides a,b', 'only these'],
  ['--portable', 'only what runs anywhere, as where it is not Linux'],
  ['--cases TEXT', 'only cases in whose label this is; may be repeated'],
  [
    '--peer name=http://127.0.0.1:6001?id=..&key=..&secret=..&pid=..',
    'another server beside ours, Pusher-compatible or &protocol=centrifugo; may be repeated',
  ],
] as const

export function helpText(): readonly string[] {
  const sizes = Object.entries(SIZES).map(
    ([name, { about, rounds, seconds }]) => [name, `${about} (${rounds} x ${seconds} s)`] as const,
  )
  const questions = Object.entries(QUESTIONS).map(
    ([name, questions]) => [name, questions[0]!.asks] as const,
  )
  console.log(
    [
      ...formatLines('', COMMANDS),
      ...formatLines('Sizes', sizes),
      ...formatLines('Questions', questions),
      ...formatLines('Options', OPTIONS),
    ].join('\n'),
  )
  return []
}

function formatLines(
  title: string,
  rows: readonly (readonly [string, string])[],
): readonly string[] {
  const width = Math.max(...rows.map(([word]) => word.length))
  const body = rows.map(([word, about]) => `  ${word.padEnd(width)}  ${about}`)
  return title === '' ? body : ['', `${title}:`, ...body]
}
