/** Cards of several servers as tables for docs/compatibility.md, each failed line with what came. */

type CaseDocument = {
  readonly name: string
  readonly isPassed: boolean
  readonly expected?: string
  readonly got?: string
}

type GroupDocument = {
  readonly name: string
  readonly about: string
  readonly isPlayed: boolean
  readonly passed: number
  readonly cases: readonly CaseDocument[]
}

/** What `--json` prints, as far as it is shown. */
export type CardDocument = {
  readonly passed: number
  readonly cases: number
  readonly groups: readonly GroupDocument[]
}

export type Card = {
  readonly name: string
  readonly version: string
  readonly document: CardDocument
}

const [START, END] = ['<!-- conformance -->', '<!-- /conformance -->']

/** What is more to be said of a line than what came, by what came or by its case. */
const WHY: readonly (readonly [mark: RegExp, why: string])[] = [
  [
    /^fallback the sockjs transport .* 404/,
    'for browsers with neither WebSockets nor XHR, which are gone',
  ],
  [/^fallback /, 'it has no fallback over HTTP'],
  [/^watchlists /, 'it has no watchlists'],
  [/^counts /, 'it tells subscribers no counts'],
  [/200 \{"error":/, 'the code of an error is in the body; the status line says 200'],
]

/** Formats the cards: passed of tried for each group, then what failed. */
export function formatCards(cards: readonly Card[], heading: string): string {
  const named = cards.map(({ name, version }) => `${name} ${version}`)
  const groups = cards[0]!.document.groups.map(({ name, about }) => {
    const counts = cards.map((card) => countOf(card, name))
    return row([`\`${name}\``, about, ...counts])
  })
  const all = cards.map(({ document }) => `${document.passed} of ${document.cases}`)
  return [
    `${named.join(' and ')}, ${heading}. Passed of tried:`,
    '',
    row(['Group', 'What it is about', ...cards.map(({ name }) => name)]),
    row(['-', '-', ...cards.map(() => '-')]),
    ...groups,
    row(['**all**', '', ...all.map((count) => `**${count}**`)]),
    ...cards.flatMap(formatFailed),
  ].join('\n')
}

function countOf({ document }: Card, name: string): string {
  const { isPlayed, passed, cases } = document.groups.find((group) => group.name === name)!
  return isPlayed ? `${passed} of ${cases.length}` : 'not run'
}

function formatFailed({ name, document }: Card): readonly string[] {
  const rows = document.groups.flatMap((group) =>
    group.cases
      .filter(({ isPassed }) => !isPassed)
      .map(({ name: what, expected = '', got = '' }) => {
        const why = WHY.find(([mark]) => mark.test(`${group.name} ${what} ${got}`))?.[1] ?? ''
        return row([`\`${group.name}\``, escape(what), code(expected), code(got), why])
      }),
  )
  if (rows.length === 0) return ['', `Of ${name} nothing failed.`]
  const titles = ['Group', 'Case', 'Expected', 'Came', 'Besides']
  return ['', `What failed of ${name}:`, '', row(titles), row(titles.map(() => '-')), ...rows]
}

const MAX_CHARS = 110

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const escape = (text: string): string => text.replaceAll('|', '\\|')

/** Text of a server in a cell; what differs with each run is left out. */
function code(text: string): string {
  const steady = text
    .replaceAll(/conformance-[0-9a-f]{8}(-\d+)*/g, 'x')
    .replaceAll(/[0-9a-f]{64}/g, '…')
    .replaceAll(/\b\d+\.\d{4,}\b/g, '1.1')
    .replace(/\{"channels":\{".*/, '{"channels":{…')
    .replaceAll('`', "'")
  const short = steady.length > MAX_CHARS ? `${steady.slice(0, MAX_CHARS)}…` : steady
  return `\`${escape(short)}\``
}

/** A page with another content between its comments. @throws Error where it has none */
export function replaceCards(page: string, content: string): string {
  const [from, to] = [page.indexOf(START), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no ${START}`)
  return `${page.slice(0, from)}${START}\n\n${content}\n\n${page.slice(to)}`
}
