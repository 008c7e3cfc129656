/** A plot of one chart: its lines, the numbers under the pointer, and a table for who does not see it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatTime } from '../format'
import { columnsOf, summaryOf, type Chart, type Columns, type Course, type Line } from './charts'
import { optionsFor, type Handlers, type Zoom } from './plot-options'

type PlotProps = {
  readonly chart: Chart
  readonly course: Course
  readonly zoom: Zoom
  readonly onZoom: (zoom: Zoom) => void
}

const HEIGHT = 168

export function Plot({ chart, course, zoom, onZoom }: PlotProps) {
  const lines = useMemo(() => chart.linesOf(course.points), [chart, course])
  const columns = useMemo(() => columnsOf(lines, course), [lines, course])
  const [under, setUnder] = useState<number>()
  const names = lines.map(({ name }) => name).join('\n')
  const canvas = useCanvas({ chart, lines, columns, names, onZoom, onPoint: setUnder })
  const { from, to } = zoom ?? course
  useEffect(() => canvas.draw(columns, { from, to }), [canvas.plot, columns, from, to])
  const times = columns[0]
  const at = under === undefined ? undefined : times[under]
  return (
    <section class="plot" aria-label={chart.title}>
      <header>
        <h2 title={chart.about}>{chart.title}</h2>
        <span class="plot-time number">{at === undefined ? '' : formatTime(at)}</span>
      </header>
      <Legend chart={chart} lines={lines} columns={columns} under={under} />
      <div class="plot-canvas" aria-hidden="true" ref={canvas.box} />
      <Summary chart={chart} lines={lines} columns={columns} />
    </section>
  )
}

type DrawnProps = {
  readonly chart: Chart
  readonly lines: readonly Line[]
  readonly columns: Columns
}

/** The colour of each line, and its number: the one under the pointer, else the last. */
function Legend({
  chart,
  lines,
  columns,
  under,
}: DrawnProps & { readonly under?: number | undefined }) {
  return (
    <p class="plot-legend" aria-hidden="true">
      {lines.map(({ name }, index) => {
        const column = columns[index + 1] ?? []
        const value = under === undefined ? summaryOf(column)?.last : column[under]
        return (
          <span key={name}>
            <i class={`swatch line-${index + 1}`} />
            {name}{' '}
            <b class="num">
              {value === undefined || value === null ? '–' : chart.unit.show(value)}
            </b>
          </span>
        )
      })}
    </p>
  )
}

/** The same as a table, for screen readers. */
function Summary({ chart, lines, columns }: DrawnProps) {
  return (
    <div class="unseen">
      <table>
        <caption>
          {chart.title}: {chart.about}
        </caption>
        <thead>
          <tr>
            {['Line', 'Last', 'Least', 'Most'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map(({ name }, index) => {
            const summary = summaryOf(columns[index + 1] ?? [])
            const show = (value: number | undefined) =>
              value === undefined ? 'none' : chart.unit.show(value)
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{show(summary?.last)}</td>
                <td>{show(summary?.least)}</td>
                <td>{show(summary?.most)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

type CanvasProps = DrawnProps & Handlers & { readonly names: string }

/** uPlot comes with the first plot; it is made anew where the lines are others. */
function useCanvas({ chart, lines, columns, names, onZoom, onPoint }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null)
  const [plot, setPlot] = useState<uPlot>()
  useEffect(() => {
    const element = box.current!
    let made: uPlot | undefined
    let isGone = false
    const sizes = new ResizeObserver(() =>
      made?.setSize({ width: element.clientWidth, height: HEIGHT }),
    )
    const colors = matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => made?.redraw(false)
    colors.addEventListener('change', redraw)
    void import('uplot').then(({ default: UPlot }) => {
      if (isGone) return
      const size = { width: element.clientWidth, height: HEIGHT }
      const options = optionsFor(chart, lines, element, { onZoom, onPoint })
      made = new UPlot({ ...options, ...size }, columns as uPlot.AlignedData, element)
      sizes.observe(element)
      setPlot(made)
    })
    return () => {
      isGone = true
      sizes.disconnect()
      colors.removeEventListener('change', redraw)
      made?.destroy()
      setPlot(undefined)
    }
  }, [chart.id, names])
  const draw = (drawn: Columns, { from, to }: { readonly from: number; readonly to: number }) => {
    plot?.batch(() => {
      plot.setData(drawn as uPlot.AlignedData, false)
      plot.setScale('x', { min: from, max: to })
    })
  }
  return { box, plot, draw }
}
