/** Statistics as tests read them. */
import { makeBasicAuth, PAIR } from '../credentials'
import type { TestServer } from '../harness'

export type Point = Readonly<Record<string, number>> & { readonly at: number }
export type Stats = {
  readonly now: Readonly<Record<string, number>>
  readonly peak: Readonly<Record<string, number>>
  readonly totals: Readonly<Record<string, number>>
  readonly series: {
    readonly period: string
    readonly step_seconds: number
    readonly from: number
    readonly points: readonly Point[]
  }
}

export async function readAppStats(server: TestServer, period = 'hour'): Promise<Stats> {
  const answer = await server.http(`/api/apps/test-app/stats?period=${period}`, {
    headers: makeBasicAuth(PAIR),
  })
  return (await answer.json()).data
}

export async function readServerStats(
  server: TestServer,
  period = 'hour',
): Promise<Stats & { readonly apps: readonly (Stats & { readonly id: string })[] }> {
  return (await (await server.admin(`/api/admin/stats?period=${period}`)).json()).data
}

/** The values of one number in all points. */
export const valuesOf = ({ series }: Stats, name: string): number[] =>
  series.points.map((point) => point[name]!)
