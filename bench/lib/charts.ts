/**
 * Charts that are as wide as there is room: bars are boxes of the page, so that their text keeps its
 * size on a phone, and each panel of lines is an SVG of its own. A colour is the class of a side,
 * which gives `--side`; what text wears is the page's.
 * By hand, since an SVG of vega-lite has one width: it is drawn twice, for a screen and for a phone,
 * by as many lines of ours, 18 MB of packages, half a second, and in four times the bytes.
 */
export type Bar = {
  readonly side: string
  /** The class of the side. */
  readonly kind: string
  readonly value: number
  /** The figure, written beside the bar. */
  readonly text: string
}

export type BarRow = { readonly label: string; readonly bars: readonly Bar[] }

export type BarChart = {
  readonly rows: readonly BarRow[]
  /** Where the ticks of the axis are, with their texts. */
  readonly ticks: readonly Tick[]
  /** Maps a value to 0..1. */
  readonly scale: (value: number) => number
  /** Where bars begin, when it is not at the left: a line marks it. */
  readonly mark?: number
}

export type Tick = readonly [value: number, text: string]

/** Draws horizontal bars, in groups below one axis. */
export function drawBarChart({ rows, ticks, scale, mark }: BarChart): string {
  const at = (value: number): number => round(100 * Math.max(0, Math.min(1, scale(value))))
  const line = (value: number, kind: string, text = ''): string =>
    `<i class="${kind}" style="left:${at(value)}%">${escapeHtml(text)}</i>`
  const grid = [
    ...ticks.map(([value]) => line(value, 'grid')),
    ...(mark === undefined ? [] : [line(mark, 'mark')]),
  ].join('')
  const from = mark === undefined ? 0 : at(mark)
  const axis = ticks.map(([value, text]) => line(value, 'tick', text)).join('')
  const groups = rows.map(
    ({ label, bars }) =>
      `<b>${escapeHtml(label)}</b><div class="plot">${grid}${bars.map((bar) => drawBar(bar, from, at(bar.value))).join('')}</div>`,
  )
  return `<div class="bars" role="img"><b></b><div class="plot axis">${axis}</div>${groups.join('')}</div>`
}

function drawBar({ side, kind, text }: Bar, from: number, to: number): string {
  const [left, right] = [Math.min(from, to), Math.max(from, to)]
  const box = `<span class="bar" style="left:${left}%;width:${round(Math.max(0.4, right - left))}%"></span>`
  const figure = `<span class="figure" style="left:${right}%">${escapeHtml(`${side} ${text}`)}</span>`
  return `<div class="line ${kind}">${box}${figure}</div>`
}

export type Series = {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}
export type Panel = {
  readonly title: string
  /** The class of its side. */
  readonly kind: string
  readonly series: readonly Series[]
}

export type LineChart = {
  readonly panels: readonly Panel[]
  /** Texts under the places 0, 1, 2, ... of x. */
  readonly places: readonly string[]
  readonly xTitle: string
  readonly ticks: readonly Tick[]
  readonly scale: (value: number) => number
}

const PANEL = { width: 300, height: 220, left: 44, right: 12, top: 30, bottom: 44 }

/** Draws small multiples of one scale, each with its axes: they stand side by side or one below the other. */
export const drawLineChart = ({ panels, ...axes }: LineChart): string =>
  `<div class="panels">${panels.map((panel) => drawPanel(panel, axes)).join('')}</div>`

type Axes = Omit<LineChart, 'panels'>

function drawPanel({ title, kind, series }: Panel, { places, xTitle, ticks, scale }: Axes): string {
  const { width, height, left, right, top, bottom } = PANEL
  const floor = height - bottom
  const y = (value: number): number =>
    round(floor - Math.max(0, Math.min(1, scale(value))) * (floor - top))
  const step = (width - left - right) / Math.max(1, places.length - 1)
  const x = (place: number): number => round(left + place * step)
  const grid = ticks.map(
    ([value, label]) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/>` +
      text(left - 6, y(value) + 4, label, 'end', 'tick'),
  )
  const marks = places.map((label, place) => text(x(place), floor + 16, label, 'middle', 'tick'))
  const parts = [
    text(left, top - 12, title, 'start', 'panel'),
    ...grid,
    ...marks,
    ...series.map((each) => drawSeries(each, x, y)),
    text((left + width - right) / 2, height - 8, xTitle, 'middle', 'tick'),
  ]
  return `<svg class="${kind}" viewBox="0 0 ${width} ${height}" role="img">${parts.join('')}</svg>`
}

function drawSeries(
  { name, points }: Series,
  x: (place: number) => number,
  y: (value: number) => number,
): string {
  const at = points.map(([place, value]) => `${x(place)},${y(value)}`)
  const dots = points.map(
    ([place, value]) =>
      `<circle cx="${x(place)}" cy="${y(value)}" r="2.5"><title>${name}: ${value.toFixed(2)} ms</title></circle>`,
  )
  return `<polyline class="quantile-${name}" points="${at.join(' ')}"/>${dots.join('')}`
}

// ---------------------------------------------------------------- scales

/** Maps `least` to `most`, both above 0, to 0..1. */
export const makeLogScale =
  (least: number, most: number) =>
  (value: number): number =>
    Math.log(value / least) / Math.log(most / least)

export const makeLinearScale =
  (most: number) =>
  (value: number): number =>
    value / most

/** Round numbers 1, 2, 5, 10, ... from `least` to `most`. */
export function makeLogTicks(
  least: number,
  most: number,
  steps: readonly number[],
): readonly Tick[] {
  const ticks: Tick[] = []
  for (let power = -3; power <= 9; power++)
    for (const step of steps) {
      const value = step * 10 ** power
      if (value >= least * 0.999 && value <= most * 1.001) ticks.push([value, abbreviate(value)])
    }
  return ticks
}

/** About five round numbers, from 0. */
export function makeLinearTicks(most: number): readonly Tick[] {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => [
    index * step,
    abbreviate(index * step),
  ])
}

/** Abbreviates a number: `1.5M`, `20k`, `0.5`. */
export function abbreviate(value: number): string {
  if (value >= 1e6) return `${trimNumber(value / 1e6)}M`
  if (value >= 1e3) return `${trimNumber(value / 1e3)}k`
  return trimNumber(value)
}

const trimNumber = (value: number): string => String(Number(value.toPrecision(3)))

// ---------------------------------------------------------------- shapes

const text = (x: number, y: number, text: string, anchor: string, kind: string): string =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escapeHtml(text)}</text>`

const round = (value: number): number => Math.round(value * 10) / 10

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
