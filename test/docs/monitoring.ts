/** What is in `ops/`: alert rules for Prometheus, and a board for Grafana. */
import { join } from 'node:path'
import { ROOT } from './pages'

export type Alert = {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: object
}

export async function alertsIn(file: string): Promise<readonly Alert[]> {
  const text = await Bun.file(file).text()
  const { groups } = Bun.YAML.parse(text) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

type Board = {
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly description?: string
    readonly gridPos: { readonly x: number; readonly y: number }
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

export const readBoard = (): Promise<Board> => Bun.file(join(ROOT, 'ops/grafana.json')).json()

export const boardExpressions = ({ annotations, panels }: Board): string[] =>
  [...annotations.list, ...panels.flatMap(({ targets = [] }) => targets)].map(({ expr }) => expr)
