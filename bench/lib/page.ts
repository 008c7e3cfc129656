/**
 * The page of a report: one file that loads nothing else, in light and dark.
 */
import { findQuestion } from './catalogue'
import { escapeHtml } from './charts'
import { Colours } from './colours'
import { drawCharts, isDress, type Chart } from './figures'
import { formatBeside } from './published'
import type { BenchRecord } from './records'
import { BUSY_NOTE, formatBusyness, wasBusy } from './machine'
import { formatHeading } from './heading'
import { linesOf, formatTarget, titlesOf, LIMIT_NOTE, type Cells } from './table'
import { judgeAll } from './judge'

const METHOD = [
  "Server and load are processes of their own, on a CPU each where the system can pin. Every round starts both anew; the order of the servers is reversed every other round. What is compared is the median of the rounds' own ratios.",
  'The load speaks the protocols over raw sockets. It checks every message for loss and order; a run in which any is lost or out of order fails. At fixed rates latency counts from the moment at which a message was due, also when the server was late.',
  'The figure is work per second of the server\'s CPU time, so that a noisy machine changes little. "bare" is a hand-written Bun.serve that checks signatures and publishes, and nothing else; the other servers run with limits, metrics and logs off. soketi closes a connection after every answer, as it comes; Centrifugo has a protocol of its own, in which nothing is signed.',
]

export function writePage(records: readonly BenchRecord[]): string {
  const first = records[0]!
  const questions = [...new Set(records.map(({ question }) => question))]
  const colours = new Colours(records.map(({ side }) => side))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Carillon: bench of ${escapeHtml(first.at.slice(0, 10))}</title>
<style>${STYLE}${colours.css}</style>
<main>
<header>
<h1>How fast is Carillon?</h1>
<p class="lead">${escapeHtml(formatHeading(first))}. ${roundsIn(records)}, ${escapeHtml(first.at.slice(0, 10))}: <code>${escapeHtml(first.command)}</code></p>
${describeBusyness(records)}
${drawLegend(records, colours)}
</header>
${drawCharts(records, colours).map(drawChartSection).join('\n')}
${drawTargetSection(records)}
<section><h2>All figures</h2>
<p>Medians; ± is how far a round was off at the most. ${escapeHtml(LIMIT_NOTE)}.</p>
${questions.map((name) => drawQuestionSection(name, records, colours)).join('\n')}
</section>
<section><h2>How it was measured</h2>${METHOD.map((text) => `<p>${escapeHtml(text)}</p>`).join('')}</section>
</main>
</html>
`
}

const roundsIn = (records: readonly BenchRecord[]): string => {
  const most = Math.max(...records.map(({ round }) => round))
  return most === 1 ? 'One round' : `${most} rounds`
}

function describeBusyness(records: readonly BenchRecord[]): string {
  const text = formatBusyness(records)
  if (text === '') return ''
  const note = wasBusy(records) ? ` <strong>${escapeHtml(BUSY_NOTE)}.</strong>` : ''
  return `<p class="lead">${escapeHtml(text)}.${note}</p>`
}

const QUANTILES = ['p50', 'p90', 'p99', 'p999']

function drawLegend(records: readonly BenchRecord[], colours: Colours): string {
  const sides = [...new Set(records.map(({ side }) => side))].filter((side) => !isDress(side))
  const keys = sides.map(
    (side) => `<span class="key ${colours.classOf(side)}">${escapeHtml(side)}</span>`,
  )
  return `<p class="legend">${keys.join('')}</p>`
}

function drawChartSection({ title, about, html }: Chart): string {
  const keys = title.startsWith('Latency')
    ? `<p class="legend">${QUANTILES.map(drawSample).join('')}</p>`
    : ''
  return `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(about)}</p>${keys}<div class="chart">${html}</div></section>`
}

/** How the line of a quantile is drawn, whoever's it is. */
const drawSample = (name: string): string =>
  `<span><svg class="sample" viewBox="0 0 36 8"><polyline class="quantile-${name}" points="0,4 36,4"/></svg>${name.replace('999', '99.9')}</span>`

const TARGET_TITLES: Cells = ['target', 'reached', 'asked', 'verdict', 'Carillon', 'beside it']

function drawTargetSection(records: readonly BenchRecord[]): string {
  const judged = judgeAll(records).filter(({ verdict }) => verdict !== 'not measured')
  const met = judged.filter(({ verdict }) => verdict === 'met').length
  const rows = judged.map((each) => {
    const cells = [...formatTarget(each), ...formatBeside(each.target, records)]
    return `<tr class="${each.verdict.replace(' ', '-')}">${cellsOf(cells, TARGET_TITLES)}</tr>`
  })
  return `<section><h2>Targets</h2><p>${met} of ${judged.length} that were measured are met. Beside each ratio: what both did per second, and p50 / p99.</p>
${tableOf(TARGET_TITLES, rows, 'targets')}</section>`
}

function drawQuestionSection(
  name: string,
  records: readonly BenchRecord[],
  colours: Colours,
): string {
  const question = findQuestion(name)
  const titles = titlesOf(question)
  const rows = linesOf(question, records).map((cells) => {
    const side = cells[titles.indexOf('side')]!
    return `<tr class="${colours.classOf(side)}">${cellsOf(cells, titles)}</tr>`
  })
  return `<h3>${escapeHtml(name)}</h3><p>${escapeHtml(question.asks)}</p>
${tableOf(titles, rows, 'figures')}`
}

/** The cells of a row, each with its title: on a phone a row is a card. */
const cellsOf = (cells: Cells, titles: Cells): string =>
  cells
    .map(
      (cell, column) =>
        `<td data-title="${escapeHtml(titles[column] ?? '')}">${escapeHtml(cell)}</td>`,
    )
    .join('')

const tableOf = (titles: Cells, rows: readonly string[], kind: string): string =>
  `<div class="scroll"><table class="${kind}"><thead><tr>${titles.map((title) => `<th>${escapeHtml(title)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`

const STYLE = `
:root { --ground: #fdfcfa; --panel: #fff; --ink: #1d1f24; --soft: #646a75; --rule: #e4e1db; --good: #2b7a46; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ground: #15161a; --panel: #1c1e23; --ink: #eceae5; --soft: #a0a5af; --rule: #32353c; --good: #6cc489; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 1080px; margin: 0 auto; padding: 48px 20px 80px }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 12px; letter-spacing: -.02em }
h2 { font-size: 21px; margin: 0 0 4px } h3 { margin: 28px 0 0; font-size: 16px }
p { margin: 4px 0 12px; max-width: 72ch; color: var(--soft) } .lead { font-size: 14px } strong { color: var(--bad) }
code { font: 13px ui-monospace, monospace; color: var(--ink) }
section { margin-top: 44px }
.chart, .scroll { background: var(--panel); border: 1px solid var(--rule); border-radius: 10px }
.chart { padding: 16px }
.bars { display: grid; grid-template-columns: minmax(0, 17em) minmax(0, 1fr); gap: 14px 14px; font-size: 13px; line-height: 1.3 }
.bars b { font-weight: 400; text-align: right; align-self: center }
.plot { position: relative; margin-right: 9.5em }
.plot i { position: absolute; top: -7px; bottom: -7px; border-left: 1px solid var(--rule) }
.plot i.mark { border-left: 1px dashed var(--ink) }
.plot.axis { height: 1.3em } .plot i.tick { top: 0; border: 0; font-style: normal; font-size: 12px; color: var(--soft); white-space: nowrap; transform: translateX(-50%) }
.line { position: relative; height: 17px }
.bar { position: absolute; top: 1px; height: 14px; border-radius: 3px; background: var(--side) }
.figure { position: absolute; padding-left: 6px; white-space: nowrap; font-size: 12px; line-height: 16px; color: var(--soft); font-variant-numeric: tabular-nums }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 8px 20px }
.panels svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif }
text { fill: var(--ink); font-size: 12px } text.tick { fill: var(--soft); font-size: 11px } text.panel { fill: var(--side); font-size: 14px; font-weight: 600 }
line.grid { stroke: var(--rule) }
polyline { fill: none; stroke: var(--side, var(--ink)); stroke-width: 2; stroke-linejoin: round } circle { fill: var(--side) }
polyline.quantile-p50 { stroke-width: 3 } polyline.quantile-p90 { stroke-dasharray: 8 3 } polyline.quantile-p99 { stroke-dasharray: 4 3 } polyline.quantile-p999 { stroke-dasharray: 1.5 3 }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; color: var(--ink); font-size: 14px } .sample { width: 36px; height: 8px; margin-right: 7px }
.key::before, .figures td:nth-child(2)::before { content: ''; display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; background: var(--side) }
.scroll { overflow-x: auto; overflow-wrap: normal }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: 6px 9px; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule) }
thead th { border-top: 0; color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom }
th:nth-child(-n+2), td:nth-child(-n+2), td:nth-child(4), th:nth-child(4) { text-align: left }
.targets td, .targets th { text-align: left; white-space: normal } .targets td:first-child { min-width: 15em }
tr.met td:nth-child(4) { color: var(--good); font-weight: 600 } tr.missed td:nth-child(4) { color: var(--bad); font-weight: 600 }
tr.not-judged td { color: var(--soft) }
@media (max-width: 700px) {
  main { padding: 28px 14px 60px } h1 { font-size: 27px } .chart { padding: 12px }
  .bars { grid-template-columns: minmax(0, 1fr); gap: 4px } .bars b { text-align: left; margin-top: 8px } .bars b:empty { display: none }
  .plot i { top: 0; bottom: 0 }
  table, tbody, tr, td { display: block } thead { display: none }
  tr { padding: 8px 12px; border-top: 1px solid var(--rule) } tr:first-child { border-top: 0 }
  td, .targets td { display: flex; justify-content: space-between; gap: 16px; border: 0; padding: 2px 0; text-align: right; white-space: normal; overflow-wrap: anywhere }
  td::before { content: attr(data-title); color: var(--soft); font-weight: 400; text-align: left; flex: 0 0 42% } .targets td::before { flex-basis: 24% }
  td:first-child { font-weight: 600; text-align: left } td:first-child::before { content: none } td:empty { display: none }
  .figures td:nth-child(2) { justify-content: flex-start; gap: 0; align-items: center; font-weight: 600 }
  .figures td:nth-child(2)::before { content: ''; flex: 0 0 11px; margin-right: 7px }
}
`
