/** List: this node and the others, as they are shown to people. */
import type { NodeReport, OwnReport } from '../../core/node-report'
import { BEAT_MS, LEASE_MS, type Context } from '../context'
import { differencesOf } from './agreed'
import type { KnownNode } from './known'
import type { NodeCard } from './wire'

/** What a node knows of its own link. */
type OwnLink = {
  readonly id: string
  readonly lagMs: number | undefined
  readonly busLagMs: number | undefined
  /** It hears what the others say. */
  readonly isHearing: boolean
}

/** Who has said nothing for longer is not known to be there. */
const SILENT_MS = 2 * BEAT_MS

/** This node, then the others, by name. */
export function listNodes(
  { clock, link, node, numbers, versions }: Context,
  others: Iterable<KnownNode>,
  { id: ownId, lagMs, busLagMs, isHearing }: OwnLink,
  agreed: NodeCard['agreed'],
): readonly NodeReport[] {
  const now = clock.mono()
  const all = [...others]
  const own = node.report()
  const shared = sharedNames(own, all, now)
  const reports = all.flatMap((other): NodeReport[] => {
    const { card, beat, id, heardAt } = other
    if (!card) return []
    const { agreed: theirs, ...about } = card
    const { isReady, connections, subscriptions, ...counted } = beat
    const differences = differencesOf(agreed, theirs)
    const seenMs = Math.max(0, now - heardAt)
    const link = { ...counted, writes: versions.writes, seenMs, differences, warnings: [] }
    const isHeard = isHearing && seenMs < SILENT_MS
    const told = { isReady, connections, subscriptions }
    const hasNamesake = shared.has(card.name)
    return [{ ...about, ...told, id, isOwn: false, isHeard, hasNamesake, link }]
  })
  const { warnings } = link
  const ownLink = { ...numbers, ...versions, seenMs: 0, lagMs, busLagMs, warnings, differences: [] }
  return [
    {
      ...own,
      id: ownId,
      isOwn: true,
      isHeard: true,
      hasNamesake: shared.has(own.name),
      link: ownLink,
    },
    ...reports.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  ]
}

/**
 * Names that several nodes have for longer than one of them takes to leave, or to die, while the next one has come in
 * its place.
 */
export function sharedNames(
  own: Pick<OwnReport, 'name' | 'isReady'>,
  others: readonly Pick<KnownNode, 'card' | 'beat' | 'heardAt' | 'knownSince'>[],
  now: number,
): Set<string> {
  const [names, shared] = [new Set<string>(), new Set<string>()]
  const add = (name: string): void => void (names.has(name) ? shared : names).add(name)
  if (own.isReady) add(own.name)
  for (const { card, beat, heardAt, knownSince } of others)
    if (card && beat.isReady && now - heardAt < SILENT_MS && now - knownSince > LEASE_MS)
      add(card.name)
  return shared
}
