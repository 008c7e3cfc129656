/**
 * What a target is, and rows of several targets that differ in a few words.
 */
import { LIGHT } from '../light'
import type { CrowdRow } from './crowd'
import { labelOf, makeCrowd, saturate } from './crowds'
import type { Place } from './statistics'

export type Target = {
  /** The name of what is measured. */
  readonly figure: string
  readonly place: Place
  readonly key: string
  /** What the figure is divided by; undefined for an absolute one. */
  readonly through?: Place
  readonly bound: Bound
  readonly unit?: string
  readonly changed?: Changed
  /** What it was when the target was set, where it is that and a tenth. */
  readonly was?: Was
}

export type Bound = { readonly atLeast: number } | { readonly atMost: number }

/** What it was before that day. */
export type Changed = { readonly on: string; readonly from: number; readonly why: string }

export type Was = { readonly on: string; readonly figure: number }

/**
 * Those to soketi were set on a machine on which system calls cost less beside JavaScript, so that the
 * bare loop was further ahead of soketi: they moved by as much as that distance is another here.
 */
const markMoved = (from: number): Changed => ({ on: '2026-11-22', from, why: 'another machine' })

export const fanout = (row: Partial<CrowdRow>, side: string): Place => ({
  question: 'fanout',
  case: labelOf(makeCrowd(row)),
  side,
})

export const fairness = (label: string): Place => ({
  question: 'fairness',
  case: label,
  side: 'carillon',
})

/** Bounds by the side whose figure divides; `from` is the bound before it moved. */
type Bounds = { readonly [Side in 'bare' | 'soketi']?: { atLeast: number; from?: number } }

/** Deliveries per server-CPU-second, through those of others. */
export function fanoutRow(
  figure: string,
  row: Partial<CrowdRow>,
  bounds: Bounds,
): readonly Target[] {
  return Object.entries(bounds).map(([side, { atLeast, from }]) => ({
    figure,
    place: fanout(row, 'carillon'),
    key: 'deliveriesPerCpuSecond',
    through: fanout(row, side),
    bound: { atLeast },
    ...(from && { changed: markMoved(from) }),
  }))
}

type Against = Pick<Target, 'figure' | 'key' | 'bound'> & {
  readonly question: string
  readonly label: string
  readonly side: string
  /** The side that is measured, when it is not Carillon with its defaults. */
  readonly of?: string
  /** The bound before it moved. */
  readonly from?: number
}

export const against = ({ question, label, side, of, from, ...rest }: Against): Target => ({
  ...rest,
  place: { question, case: label, side: of ?? 'carillon' },
  through: { question, case: label, side },
  ...(from && { changed: markMoved(from) }),
})

export const small = (subscribers: number, depth: number): readonly Target[] =>
  fanoutRow(
    `fan-out, ${subscribers} subscribers, 100 B, ${depth}/${depth}`,
    { subscribers, ...saturate(depth) },
    { bare: { atLeast: 1.1 } },
  )

/**
 * What it takes to try Carillon may grow by a tenth, in all, since that day. Megabytes are the same
 * everywhere; milliseconds are those of that machine (Xeon, 2 CPUs, packages in Bun's cache).
 */
export const lightRow = (figure: string, { key, was, unit }: Light): Target => ({
  figure,
  place: { question: 'light', case: LIGHT.label, side: 'carillon' },
  key,
  bound: { atMost: Math.round(was * 11) / 10 },
  was: { on: '2026-11-28', figure: was },
  unit,
})

type Light = { readonly key: string; readonly was: number; readonly unit: string }
