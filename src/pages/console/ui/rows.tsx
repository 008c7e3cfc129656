/** Rows: a table of any length, of which the visible part is in the document. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

export type Column<T> = {
  readonly title: string
  /** A track of a grid: `12rem`, `1fr`, `minmax(8rem, 1fr)`. */
  readonly width: string
  readonly cell: (item: T) => ComponentChildren
  /** Left out on a narrow screen. */
  readonly isWide?: boolean
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
}

type RowsProps<T> = {
  /** For screen readers: what the rows are. */
  readonly label: string
  readonly items: readonly T[]
  readonly columns: readonly Column<T>[]
  readonly keyOf: (item: T) => string
  /** Pixels; all rows have the same. */
  readonly rowHeight?: number
  /** Makes rows selectable: by a click, or by Enter on the row that the arrows have reached. */
  readonly onOpen?: (item: T) => void
  readonly isOpen?: (item: T) => boolean
  /** Called with the row that the arrows have reached. */
  readonly onMove?: (item: T) => void
  /** Called when somebody begins to read below the first row, and when they are back there. */
  readonly onAway?: (isAway: boolean) => void
  /** When it changes, the list is at its beginning again. */
  readonly turn?: unknown
  /** Called when the end is near: there may be more to load. */
  readonly onEnd?: () => void
  /** Instead of rows, where there are none. */
  readonly children?: ComponentChildren
}

/** Rows beyond the edges that are rendered as well, so that fast scrolling shows no gaps. */
const MARGIN = 8
const NARROW = '(width < 44rem)'

export function Rows<T>(props: RowsProps<T>) {
  const { label, items, keyOf, rowHeight = 36, onOpen, isOpen, onEnd, children } = props
  const isNarrow = useMedia(NARROW)
  const columns = isNarrow ? props.columns.filter(({ isWide }) => !isWide) : props.columns
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 600 })
  const [active, setActive] = useState(0)
  useEffect(() => {
    const { current } = box
    if (!current) return undefined
    const look = () => setView({ top: current.scrollTop, height: current.clientHeight })
    const sizes = new ResizeObserver(look)
    sizes.observe(current)
    current.addEventListener('scroll', look, { passive: true })
    return () => {
      sizes.disconnect()
      current.removeEventListener('scroll', look)
    }
  }, [items.length === 0])
  const from = Math.max(0, Math.floor(view.top / rowHeight) - MARGIN)
  const to = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + MARGIN)
  useEffect(() => {
    if (to === items.length) onEnd?.()
  }, [to, items.length])
  const isAway = items.length > 0 && (view.top > 0 || active > 0)
  useEffect(() => props.onAway?.(isAway), [isAway])
  useEffect(() => {
    setActive(0)
    box.current?.scrollTo(0, 0)
  }, [props.turn])
  if (items.length === 0) return <>{children}</>
  const tracks = columns.map(({ width }) => width).join(' ')
  const at = Math.min(active, items.length - 1)
  const moveTo = (index: number) => {
    const next = Math.max(0, Math.min(items.length - 1, index))
    setActive(next)
    props.onMove?.(items[next]!)
    const { current } = box
    if (!current) return
    const top = next * rowHeight
    if (top < current.scrollTop) current.scrollTop = top
    else if (top + rowHeight > current.scrollTop + current.clientHeight)
      current.scrollTop = top + rowHeight - current.clientHeight
  }
  const press = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return
    const step = STEPS[event.key]
    if (step !== undefined) {
      event.preventDefault()
      moveTo(step(at, Math.floor(view.height / rowHeight), items.length))
    } else if (event.key === 'Enter' && onOpen) onOpen(items[at]!)
  }
  return (
    <div class="rows" role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div role="rowgroup">
        <div class="row head" role="row" ref={(row) => setTracks(row, tracks)}>
          {columns.map(({ title, isNumber }) => (
            <span key={title} role="columnheader" class={isNumber ? 'number' : undefined}>
              {title}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" tabIndex={0} aria-label={label} ref={box} onKeyDown={press}>
        <div class="filler" ref={(filler) => setHeight(filler, items.length * rowHeight)}>
          {items.slice(from, to).map((item, offset) => {
            const index = from + offset
            const classes = [
              'row',
              index === at && 'active',
              isOpen?.(item) && 'open',
              onOpen && 'link',
            ]
            return (
              <div
                key={keyOf(item)}
                class={classes.filter(Boolean).join(' ')}
                role="row"
                aria-rowindex={index + 2}
                ref={(row) => setPlace(row, { tracks, top: index * rowHeight, height: rowHeight })}
                onClick={() => {
                  setActive(index)
                  onOpen?.(item)
                }}
              >
                {columns.map(({ title, cell, isNumber }) => (
                  <span key={title} role="cell" class={isNumber ? 'number' : undefined}>
                    {cell(item)}
                  </span>
                ))}
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

type Step = (at: number, perPage: number, count: number) => number

/** Where each key leads. */
const STEPS: Readonly<Record<string, Step>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  j: (at) => at + 1,
  k: (at) => at - 1,
  PageDown: (at, perPage) => at + perPage,
  PageUp: (at, perPage) => at - perPage,
  Home: () => 0,
  End: (_, __, count) => count - 1,
}

function setTracks(element: HTMLElement | null, tracks: string): void {
  if (element) element.style.gridTemplateColumns = tracks
}

function setHeight(element: HTMLElement | null, height: number): void {
  if (element) element.style.height = `${height}px`
}

type Place = { readonly tracks: string; readonly top: number; readonly height: number }

function setPlace(element: HTMLElement | null, { tracks, top, height }: Place): void {
  if (!element) return
  setTracks(element, tracks)
  setHeight(element, height)
  element.style.transform = `translateY(${top}px)`
}

function useMedia(query: string): boolean {
  const [fits, setFits] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const listen = () => setFits(media.matches)
    media.addEventListener('change', listen)
    return () => media.removeEventListener('change', listen)
  }, [query])
  return fits
}
