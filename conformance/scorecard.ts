/** Scorecard: what a run has found, for people and for programs. */
import type { Group } from './case'
import type { GroupResult, Result } from './run'
import type { Target } from './target'

export type Score = {
  readonly target: Target
  readonly at: string
  readonly seconds: number
  readonly groups: readonly GroupResult[]
}

type Style = { readonly hasColours: boolean; readonly isVerbose: boolean }

const countPassed = (results: readonly Result[]): number =>
  results.filter(({ isPassed }) => isPassed).length

/** Totals of a run. */
export function countAll(groups: readonly GroupResult[]) {
  const all = groups.flatMap(({ results }) => results)
  const passed = countPassed(all)
  return { passed, failed: all.length - passed, cases: all.length }
}

/** What one JSON document says of a run. */
export function toDocument({ target, at, seconds, groups }: Score): object {
  return {
    url: target.url,
    at,
    seconds,
    ...countAll(groups),
    groups: groups.map(({ group, isPlayed, results }) => ({
      name: group.name,
      about: group.about,
      isPlayed,
      ...(isPlayed ? {} : { asked: group.asked ?? 'left out' }),
      passed: countPassed(results),
      failed: results.length - countPassed(results),
      cases: results,
    })),
  }
}

/** The card as lines. */
export function toLines({ groups, seconds }: Score, style: Style): readonly string[] {
  const paint = painter(style.hasColours)
  const width = Math.max(...groups.map(({ group }) => group.name.length))
  const played = groups.filter(({ isPlayed }) => isPlayed)
  const left = groups.filter(({ isPlayed }) => !isPlayed)
  const { passed, failed } = countAll(groups)
  const verdict = failed === 0 ? paint.good(`${passed} passed`) : `${passed} passed`
  const rest = failed === 0 ? ', none failed' : `, ${paint.bad(`${failed} failed`)}`
  return [
    ...played.flatMap((each) => drawGroup(each, width, style, paint)),
    ...left.map(({ group }) =>
      paint.soft(`- ${group.name.padEnd(width)}  not run; ${group.asked ?? 'left out'}`),
    ),
    '',
    `${verdict}${rest} in ${seconds.toFixed(1)} s`,
  ]
}

function drawGroup(
  { group, results }: GroupResult,
  width: number,
  { isVerbose }: Style,
  paint: Paint,
): readonly string[] {
  const passed = countPassed(results)
  const isWhole = passed === results.length
  const count = `${passed} of ${results.length}`.padStart(9)
  const mark = isWhole ? paint.good('✓') : paint.bad('✗')
  const shown = results.filter(({ isPassed }) => isVerbose || !isPassed)
  return [
    `${mark} ${paint.strong(group.name.padEnd(width))}  ${count}  ${paint.soft(group.about)}`,
    ...shown.flatMap((result) => drawResult(result, paint)),
  ]
}

function drawResult({ name, spec, isPassed, expected, got }: Result, paint: Paint) {
  if (isPassed) return [`    ${paint.good('✓')} ${name}`]
  return [
    `    ${paint.bad('✗')} ${name}  ${paint.soft(`[${spec}]`)}`,
    `        expected ${expected}, got ${got}`,
  ]
}

/** Lists groups and cases, for `--list`. */
export const listCases = (groups: readonly Group[]): readonly string[] =>
  groups.flatMap(({ name, about, asked, cases }) => [
    `${name}: ${about}${asked === undefined ? '' : ` (not run by itself; ${asked})`}`,
    ...cases.map((each) => `    ${each.name}  [${each.spec}]`),
  ])

type Paint = ReturnType<typeof painter>

/** Colours of a terminal, or none. */
function painter(hasColours: boolean) {
  const of = (on: number, off: number) => (text: string) =>
    hasColours ? `\u001b[${on}m${text}\u001b[${off}m` : text
  return { good: of(32, 39), bad: of(31, 39), soft: of(2, 22), strong: of(1, 22) }
}
