/**
 * Charts as inline SVG. Colours are classes, `side-NAME` and `quantile-NAME`, so that the page
 * decides on them for light and dark; text takes the page's colour.
 */
export type Bar = {
  readonly side: string
  readonly value: number
  /** Beside the bar. */
  readonly text: string
}

export type BarRow = { readonly label: string; readonly bars: readonly Bar[] }

export type BarChart = {
  readonly rows: readonly BarRow[]
  /** Where the ticks of the axis are, with their texts. */
  readonly ticks: readonly Tick[]
  readonly scale: (value: number) => number
  /** Where bars begin, when it is not at the left: a line marks it. */
  readonly mark?: number
}

export type Tick = readonly [value: number, text: string]

const WIDTH = 860
const LABEL_WIDTH = 300
const TEXT_WIDTH = 110
const BAR = { height: 14, gap: 3, rowGap: 16 }
const AXIS_HEIGHT = 26

/** Horizontal bars, in groups. `scale` maps a value to 0..1. */
export function barChart({ rows, ticks, scale, mark }: BarChart): string {
  const span = WIDTH - LABEL_WIDTH - TEXT_WIDTH
  const x = (value: number): number => LABEL_WIDTH + Math.max(0, scale(value)) * span
  let y = 8
  const parts = rows.map((row) => {
    const top = y
    y += row.bars.length * (BAR.height + BAR.gap) + BAR.rowGap
    return barRow(row, top, { x, from: mark === undefined ? LABEL_WIDTH : x(mark) })
  })
  const grid = ticks.map(([value, text]) => gridLine(x(value), y, text))
  const line = mark === undefined ? '' : `<line class="mark" ${vertical(x(mark), y)}/>`
  return svg(WIDTH, y + AXIS_HEIGHT, [...grid, ...parts, line])
}

type BarAxis = { readonly x: (value: number) => number; readonly from: number }

function barRow({ label, bars }: BarRow, top: number, { x, from }: BarAxis): string {
  const height = bars.length * (BAR.height + BAR.gap) - BAR.gap
  const name = text(LABEL_WIDTH - 12, top + height / 2 + 4, label, 'end')
  const shapes = bars.map(({ side, value, text: figure }, index) => {
    const y = top + index * (BAR.height + BAR.gap)
    const [left, right] = [Math.min(from, x(value)), Math.max(from, x(value))]
    const width = round(Math.max(2, right - left))
    const title = `<title>${escaped(`${label}, ${side}: ${figure}`)}</title>`
    const shape = `<rect class="side-${escaped(side)}" x="${round(left)}" y="${y}" width="${width}" height="${BAR.height}" rx="3">${title}</rect>`
    return shape + text(right + 6, y + 11, figure, 'start', 'figure')
  })
  return name + shapes.join('')
}

export type Series = {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}
export type Panel = { readonly title: string; readonly series: readonly Series[] }

export type LineChart = {
  readonly panels: readonly Panel[]
  /** Texts under the places 0, 1, 2, ... of x. */
  readonly places: readonly string[]
  readonly xTitle: string
  readonly ticks: readonly Tick[]
  readonly scale: (value: number) => number
}

const PANEL = { height: 230, left: 52, gap: 40, top: 34, bottom: 46 }

/** Small multiples that share their axis of y. */
export function lineChart({ panels, places, xTitle, ticks, scale }: LineChart): string {
  const width = (WIDTH - PANEL.left - PANEL.gap * panels.length) / Math.max(1, panels.length)
  const bottom = PANEL.top + PANEL.height
  const y = (value: number): number =>
    bottom - Math.max(0, Math.min(1, scale(value))) * PANEL.height
  const parts = panels.map(({ title, series }, index) => {
    const left = PANEL.left + index * (width + PANEL.gap)
    const step = width / Math.max(1, places.length - 1)
    const x = (place: number): number => left + place * step
    const grid = ticks.map(
      ([value, label]) =>
        `<line class="grid" x1="${left}" x2="${round(left + width)}" y1="${round(y(value))}" y2="${round(y(value))}"/>` +
        (index === 0 ? text(left - 8, y(value) + 4, label, 'end', 'tick') : ''),
    )
    const marks = places.map((label, place) => text(x(place), bottom + 18, label, 'middle', 'tick'))
    const lines = series.map((each) => seriesLine(each, x, y))
    return [text(left, PANEL.top - 14, title, 'start', 'panel'), ...grid, ...marks, ...lines].join(
      '',
    )
  })
  const axis = text(WIDTH / 2, bottom + 40, xTitle, 'middle', 'tick')
  return svg(WIDTH, bottom + PANEL.bottom, [...parts, axis])
}

function seriesLine(
  { name, points }: Series,
  x: (place: number) => number,
  y: (value: number) => number,
): string {
  const at = points.map(([place, value]) => `${round(x(place))},${round(y(value))}`)
  const dots = points.map(
    ([place, value]) =>
      `<circle class="quantile-${name}" cx="${round(x(place))}" cy="${round(y(value))}" r="3"><title>${name}: ${value.toFixed(2)} ms</title></circle>`,
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

const svg = (width: number, height: number, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${width} ${Math.ceil(height)}" role="img">${parts.join('')}</svg>`

const gridLine = (x: number, bottom: number, label: string): string =>
  `<line class="grid" ${vertical(x, bottom)}/>${text(x, bottom + 16, label, 'middle', 'tick')}`

const vertical = (x: number, bottom: number): string =>
  `x1="${round(x)}" x2="${round(x)}" y1="0" y2="${round(bottom)}"`

const text = (x: number, y: number, words: string, anchor: string, kind = 'label'): string =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`

const round = (value: number): number => Math.round(value * 10) / 10

export const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
