/** How uPlot draws a chart. Its colours are those of style.css, read when it draws: they follow light and dark. */
import type uPlot from 'uplot'
import type { Chart, Line } from './charts'

/** What is shown of the time; undefined where it is all. Epoch milliseconds. */
export type Zoom = { readonly from: number; readonly to: number } | undefined

export type Handlers = {
  readonly onZoom: (zoom: Zoom) => void
  /** The index of the point under the pointer. */
  readonly onPoint: (index: number | undefined) => void
}

/** The cursor of each plot is at the same time as that of the others. */
const SYNC_KEY = 'overview'
/** Pixels: less is a click. */
const LEAST_DRAG = 8
/** Pixels, always: plots stand below each other. */
const AXIS_WIDTH = 58
const DAY_MS = 86_400_000

const HOURS = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const SECONDS = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const DAYS = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** `box` is the element of the plot, whose colours it takes. */
export function optionsFor(
  chart: Chart,
  lines: readonly Line[],
  box: HTMLElement,
  { onZoom, onPoint }: Handlers,
): Omit<uPlot.Options, 'width' | 'height'> {
  const quiet = () => getComputedStyle(box).color
  const grid = () => getComputedStyle(box).borderTopColor
  const font = `11px ${getComputedStyle(box).fontFamily}`
  const axis = { stroke: quiet, font, ticks: { show: false }, grid: { stroke: grid, width: 1 } }
  return {
    ms: 1,
    legend: { show: false },
    padding: [8, 20, 0, 0],
    scales: {
      x: { time: true },
      y: { range: (_, __, most) => [0, Math.max(chart.unit.least, 1.1 * (most ?? 0))] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_, times, __, ___, step) => times.map(timeIn(step)),
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: 26,
        ...(chart.unit.steps && { incrs: [...chart.unit.steps] }),
        values: (_, values) => values.map((value) => chart.unit.showShort(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name }, index): uPlot.Series => ({
        label: name,
        width: 1.5,
        stroke: () => colorOf(box, index),
        ...(lines.length === 1 && { fill: () => faded(colorOf(box, index)) }),
        points: { show: (plot, line) => isSparse(plot, line) },
      })),
    ],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      sync: { key: SYNC_KEY, setSeries: false, filters: { pub: (type) => type === 'mousemove' } },
      bind: { dblclick: () => () => (onZoom(undefined), null) },
      points: { size: 7 },
    },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < LEAST_DRAG) return
          const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          onZoom({ from, to })
        },
      ],
      setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)],
    },
  }
}

const timeIn =
  (step: number) =>
  (at: number): string =>
    (step >= DAY_MS ? DAYS : step < 60_000 ? SECONDS : HOURS).format(at)

/** `--line-1` and so on, as the browser has resolved it for this theme. */
function colorOf(box: HTMLElement, index: number): string {
  const swatch = box.parentElement?.querySelectorAll('.swatch')[index]
  return swatch ? getComputedStyle(swatch).backgroundColor : 'currentColor'
}

const faded = (color: string): string =>
  color.startsWith('rgb(') ? color.replace('rgb(', 'rgba(').replace(')', ', 0.1)') : 'transparent'

/** Few points are drawn as such: a single one is no line. */
function isSparse(plot: uPlot, line: number): boolean {
  const values = plot.data[line] ?? []
  return values.length <= 2
}
