/** A sparkline: the course of a number in a row of a table, without axes. */

const WIDTH = 100
const HEIGHT = 20

type SparklineProps = { readonly values: readonly number[]; readonly line: 1 | 2 | 3 }

/** Beside a number that says it in words: screen readers are not told of it. */
export function Sparkline({ values, line }: SparklineProps) {
  if (values.length < 2) return <span class="sparkline" />
  return (
    <svg
      class={`sparkline line-${line}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={pathOf(values)} vector-effect="non-scaling-stroke" />
    </svg>
  )
}

/** From the left to the right; what is zero all the time lies at the bottom. */
export function pathOf(values: readonly number[]): string {
  const most = Math.max(...values, 0) || 1
  const step = WIDTH / (values.length - 1)
  const steps = values.map((value, index) => {
    const [x, y] = [index * step, HEIGHT - 1 - (value / most) * (HEIGHT - 2)]
    return `${x.toFixed(1)} ${y.toFixed(1)}`
  })
  return `M${steps.join('L')}`
}
