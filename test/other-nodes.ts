/** A server that believes to have other nodes, for what is said of them. */
import { spyOn } from 'bun:test'
import type { NodeLink, NodeReport } from '../src/core/node-report'
import type { TestServer } from './harness'

const LINK: NodeLink = {
  reads: 1,
  writes: 1,
  seenMs: 0,
  lagMs: 1,
  busLagMs: 1,
  deafMs: 0,
  deafChannels: 0,
  refusedMessages: 0,
  gaps: 0,
  overflows: 0,
  factsDropped: 0,
  differences: [],
  warnings: [],
}

export type OtherNode = Partial<Omit<NodeReport, 'link'>> & { readonly link?: Partial<NodeLink> }

/** From now on there is this node, whose link is `own`, and another one. */
export function pretendNodes(
  { core: { engine } }: TestServer,
  own: Partial<NodeLink>,
  other: OtherNode,
): void {
  const [first] = engine.nodes()
  const { link, ...changes } = other
  const second = { ...first!, id: 'other', name: 'other', isOwn: false, ...changes }
  spyOn(engine, 'nodes').mockReturnValue([
    { ...first!, link: { ...LINK, ...own } },
    { ...second, link: { ...LINK, ...link } },
  ])
}
