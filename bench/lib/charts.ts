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
  /** Beside the bar. */
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

/** Horizontal bars, in groups below one axis. */
export function barChart({ rows, ticks, scale, mark }: BarChart): string {
  const at = (value: number): number => round(100 * Math.max(0, Math.min(1, scale(value))))
  const line = (value: number, kind: string, words = ''): string =>
    `<i class="${kind}" style="left:${at(value)}%">${escaped(words)}</i>`
  const grid = [
    ...ticks.map(([value]) => line(value, 'grid')),
    ...(mark === undefined ? [] : [line(mark, 'mark')]),
  ].join('')
  const from = mark === undefined ? 0 : at(mark)
  const axis = ticks.map(([value, words]) => line(value, 'tick', words)).join('')
  const groups = rows.map(
    ({ label, bars }) =>
      `<b>${escaped(label)}</b><div class="plot">${grid}${bars.map((bar) => barLine(bar, from, at(bar.value))).join('')}</div>`,
  )
  return `<div class="bars" role="img"><b></b><div class="plot axis">${axis}</div>${groups.join('')}</div>`
}

function barLine({ side, kind, text }: Bar, from: number, to: number): string {
  const [left, right] = [Math.min(from, to), Math.max(from, to)]
  const box = `<span class="bar" style="left:${left}%;width:${round(Math.max(0.4, right - left))}%"></span>`
  const words = `<span class="figure" style="left:${right}%">${escaped(`${side} ${text}`)}</span>`
  return `<div class="line ${kind}">${box}${words}</div>`
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

/** Small multiples of one scale, each with its axes: they stand side by side or one below the other. */
export const lineChart = ({ panels, ...axes }: LineChart): string =>
  `<div class="panels">${panels.map((panel) => linePanel(panel, axes)).join('')}</div>`

type Axes = Omit<LineChart, 'panels'>

function linePanel({ title, kind, series }: Panel, { places, xTitle, ticks, scale }: Axes): string {
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
    ...series.map((each) => seriesLine(each, x, y)),
    text((left + width - right) / 2, height - 8, xTitle, 'middle', 'tick'),
  ]
  return `<svg class="${kind}" viewBox="0 0 ${width} ${height}" role="img">${parts.join('')}</svg>`
}

function seriesLine(
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

/** From `least` to `most`, both above 0. */
export const logScale =
  (least: number, most: number) =>
  (value: number): number =>
    Math.log(value / least) / Math.log(most / least)

export const linearScale =
  (most: number) =>
  (value: number): number =>
    value / most

/** Round numbers 1, 2, 5, 10, ... from `least` to `most`. */
export function logTicks(least: number, most: number, steps: readonly number[]): readonly Tick[] {
  const ticks: Tick[] = []
  for (let power = -3; power <= 9; power++)
    for (const step of steps) {
      const value = step * 10 ** power
      if (value >= least * 0.999 && value <= most * 1.001) ticks.push([value, short(value)])
    }
  return ticks
}

/** About five, from 0. */
export function linearTicks(most: number): readonly Tick[] {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => [
    index * step,
    short(index * step),
  ])
}

/** `1.5M`, `20k`, `0.5`. */
export function short(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)}M`
  if (value >= 1e3) return `${trimmed(value / 1e3)}k`
  return trimmed(value)
}

const trimmed = (value: number): string => String(Number(value.toPrecision(3)))

// ---------------------------------------------------------------- shapes

const text = (x: number, y: number, words: string, anchor: string, kind: string): string =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`

const round = (value: number): number => Math.round(value * 10) / 10

export const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
