/**
 * The page of a report: one file that asks nobody for anything, in light and dark.
 */
import { questionNamed } from './catalogue'
import { escaped } from './charts'
import { chartsOf, isDress, type Chart } from './figures'
import type { BenchRecord } from './records'
import { BUSY_NOTE, busynessText, wasBusy } from './machine'
import { heading } from './heading'
import { linesOf, targetCells, titlesOf, LIMIT_NOTE, type Cells } from './table'
import { judgeAll } from './judge'

const METHOD = [
  "Server and load are processes of their own, on a CPU each where the system can pin. Every round starts both anew; the order of the servers is reversed every other round. What is compared is the median of the rounds' own ratios.",
  'The load speaks the Pusher protocol over raw sockets and nothing else. It checks every message for loss and order; a run in which any is lost or out of order fails. At fixed rates latency counts from the moment at which a message was due, also when the server was late.',
  'The figure is work per second of the server\'s CPU time, so that a noisy machine changes little. "bare" is a hand-written Bun.serve that checks signatures and publishes, and nothing else; soketi is 1.6.1 from npm with its limits and metrics off, a connection closed after every answer as it comes.',
]

export function page(records: readonly BenchRecord[]): string {
  const first = records[0]!
  const questions = [...new Set(records.map(({ question }) => question))]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Carillon: bench of ${escaped(first.at.slice(0, 10))}</title>
<style>${STYLE}</style>
<main>
<header>
<h1>How fast is Carillon?</h1>
<p class="lead">${escaped(heading(first))}. ${roundsIn(records)}, ${escaped(first.at.slice(0, 10))}: <code>${escaped(first.command)}</code></p>
${busyness(records)}
${legend(records)}
</header>
${chartsOf(records).map(chartSection).join('\n')}
${targetSection(records)}
<section><h2>All figures</h2>
<p>Medians; ± is how far a round was off at the most. ${escaped(LIMIT_NOTE)}.</p>
${questions.map((name) => questionSection(name, records)).join('\n')}
</section>
<section><h2>How it was measured</h2>${METHOD.map((text) => `<p>${escaped(text)}</p>`).join('')}</section>
</main>
</html>
`
}

const roundsIn = (records: readonly BenchRecord[]): string => {
  const most = Math.max(...records.map(({ round }) => round))
  return most === 1 ? 'One round' : `${most} rounds`
}

function busyness(records: readonly BenchRecord[]): string {
  const text = busynessText(records)
  if (text === '') return ''
  const note = wasBusy(records) ? ` <strong>${escaped(BUSY_NOTE)}.</strong>` : ''
  return `<p class="lead">${escaped(text)}.${note}</p>`
}

const QUANTILES = ['p50', 'p90', 'p99', 'p999']

function legend(records: readonly BenchRecord[]): string {
  const sides = [...new Set(records.map(({ side }) => side))].filter((side) => !isDress(side))
  const keys = sides.map(
    (side) => `<span class="key side-${escaped(side)}">${escaped(side)}</span>`,
  )
  return `<p class="legend">${keys.join('')}</p>`
}

function chartSection({ title, about, svg }: Chart): string {
  const keys = title.startsWith('Latency')
    ? `<p class="legend">${QUANTILES.map((name) => `<span class="key quantile-${name}">${name.replace('999', '99.9')}</span>`).join('')}</p>`
    : ''
  return `<section><h2>${escaped(title)}</h2><p>${escaped(about)}</p>${keys}<div class="chart">${svg}</div></section>`
}

function targetSection(records: readonly BenchRecord[]): string {
  const judged = judgeAll(records)
  const met = judged.filter(({ verdict }) => verdict === 'met').length
  const measured = judged.filter(({ verdict }) => verdict !== 'not measured').length
  const rows = judged.map((each) => {
    const cells = targetCells(each).map((cell) => `<td>${escaped(cell)}</td>`)
    return `<tr class="${each.verdict.replace(' ', '-')}">${cells.join('')}</tr>`
  })
  return `<section><h2>Targets</h2><p>${met} of ${measured} that were measured are met.</p>
<div class="scroll"><table class="targets"><thead><tr><th>target<th>reached<th>asked<th></tr></thead><tbody>${rows.join('')}</tbody></table></div></section>`
}

function questionSection(name: string, records: readonly BenchRecord[]): string {
  const question = questionNamed(name)
  const row = (cells: Cells, tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  const lines = linesOf(question, records).map((cells) => row(cells, 'td'))
  return `<h3>${escaped(name)}</h3><p>${escaped(question.asks)}</p>
<div class="scroll"><table><thead>${row(titlesOf(question), 'th')}</thead><tbody>${lines.join('')}</tbody></table></div>`
}

const STYLE = `
:root { --ground: #fdfcfa; --panel: #fff; --ink: #1d1f24; --soft: #646a75; --rule: #e4e1db;
  --carillon: #b5472a; --bare: #9aa0aa; --soketi: #4d74c9; --other: #7a5ea8;
  --good: #2b7a46; --bad: #b3261e;
  --q50: #f0b49f; --q90: #de8363; --q99: #b5472a; --q999: #6d2412; }
@media (prefers-color-scheme: dark) { :root { --ground: #15161a; --panel: #1c1e23; --ink: #eceae5; --soft: #a0a5af;
  --rule: #32353c; --carillon: #ef7d5c; --bare: #747a85; --soketi: #7f9fe8; --other: #b497e0;
  --good: #6cc489; --bad: #ff8a80;
  --q50: #9c5c48; --q90: #c96a4c; --q99: #ef7d5c; --q999: #ffc9b8; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 960px; margin: 0 auto; padding: 48px 20px 80px }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 12px; letter-spacing: -.02em }
h2 { font-size: 21px; margin: 0 0 4px } h3 { margin: 28px 0 0; font-size: 16px }
p { margin: 4px 0 12px; max-width: 72ch; color: var(--soft) } .lead { font-size: 14px }
code { font: 13px ui-monospace, monospace; color: var(--ink) }
section { margin-top: 44px } .chart { background: var(--panel); border: 1px solid var(--rule); border-radius: 10px; padding: 16px; overflow-x: auto }
svg { display: block; width: 100%; min-width: 640px; height: auto; font-family: system-ui, sans-serif }
text { fill: var(--ink); font-size: 12.5px } text.tick, text.figure { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums }
text.figure { paint-order: stroke; stroke: var(--panel); stroke-width: 3px } text.panel { font-size: 14px; font-weight: 600 }
line.grid { stroke: var(--rule) } line.mark { stroke: var(--ink); stroke-dasharray: 3 3 }
rect, .key::before { fill: var(--other) }
rect.side-carillon { fill: var(--carillon) } rect.side-bare { fill: var(--bare) } rect.side-soketi { fill: var(--soketi) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
${[
  ['p50', '--q50'],
  ['p90', '--q90'],
  ['p99', '--q99'],
  ['p999', '--q999'],
]
  .map(
    ([name, colour]) =>
      `polyline.quantile-${name} { stroke: var(${colour}) } circle.quantile-${name} { fill: var(${colour}) } .key.quantile-${name}::before { background: var(${colour}) }`,
  )
  .join('\n')}
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; color: var(--ink); font-size: 14px }
.key::before { content: ''; display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; background: var(--other) }
.key.side-carillon::before { background: var(--carillon) } .key.side-bare::before { background: var(--bare) } .key.side-soketi::before { background: var(--soketi) }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 10px; background: var(--panel) }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule) }
thead th { border-top: 0; color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom }
th:nth-child(-n+2), td:nth-child(-n+2), td:nth-child(4), th:nth-child(4) { text-align: left }
.targets td, .targets th { text-align: left } .targets td:first-child { white-space: normal; min-width: 15em }
tr.met td:last-child { color: var(--good); font-weight: 600 } tr.missed td:last-child { color: var(--bad); font-weight: 600 }
tr.not-measured td { color: var(--soft) }
`
