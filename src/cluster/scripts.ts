/** SCRIPTS: what Redis carries out for channels. The head of each file says what it is given, and what it answers. */
import { newBareScript, newLeanScript, newScript } from './link/script'
import beat from './scripts/beat.lua' with { type: 'text' }
import channels from './scripts/channels.lua' with { type: 'text' }
import claim from './scripts/claim.lua' with { type: 'text' }
import count from './scripts/count.lua' with { type: 'text' }
import counts from './scripts/counts.lua' with { type: 'text' }
import earlier from './scripts/earlier.lua' with { type: 'text' }
import enter from './scripts/enter.lua' with { type: 'text' }
import exit from './scripts/exit.lua' with { type: 'text' }
import forget from './scripts/forget.lua' with { type: 'text' }
import facts from './scripts/facts.lua' with { type: 'text' }
import hashes from './scripts/hashes.lua' with { type: 'text' }
import held from './scripts/held.lua' with { type: 'text' }
import keep from './scripts/keep.lua' with { type: 'text' }
import last from './scripts/last.lua' with { type: 'text' }
import listen from './scripts/listen.lua' with { type: 'text' }
import members from './scripts/members.lua' with { type: 'text' }
import nodesBeat from './scripts/nodes-beat.lua' with { type: 'text' }
import nodesFigures from './scripts/nodes-figures.lua' with { type: 'text' }
import nodesFiguresRead from './scripts/nodes-figures-read.lua' with { type: 'text' }
import nodesLeave from './scripts/nodes-leave.lua' with { type: 'text' }
import nodesRead from './scripts/nodes-read.lua' with { type: 'text' }
import nodesSay from './scripts/nodes-say.lua' with { type: 'text' }
import nodesTell from './scripts/nodes-tell.lua' with { type: 'text' }
import order from './scripts/order.lua' with { type: 'text' }
import publish from './scripts/publish.lua' with { type: 'text' }
import read from './scripts/read.lua' with { type: 'text' }
import removeApp from './scripts/remove-app.lua' with { type: 'text' }
import repeatClaim from './scripts/repeat-claim.lua' with { type: 'text' }
import repeatKeep from './scripts/repeat-keep.lua' with { type: 'text' }
import repeatRelease from './scripts/repeat-release.lua' with { type: 'text' }
import streams from './scripts/streams.lua' with { type: 'text' }
import unlisten from './scripts/unlisten.lua' with { type: 'text' }
import writer from './scripts/writer.lua' with { type: 'text' }

export const SCRIPTS = {
  beat: newScript('beat', beat),
  channels: newScript('channels', channels),
  claim: newScript('claim', claim),
  count: newScript('count', count),
  counts: newScript('counts', counts),
  earlier: newScript('earlier', earlier),
  enter: newScript('enter', enter),
  exit: newScript('exit', exit),
  forget: newLeanScript('forget', forget, streams),
  facts: newScript('facts', facts),
  held: newScript('held', held),
  keep: newLeanScript('keep', keep, streams),
  last: newLeanScript('last', last),
  listen: newLeanScript('listen', listen, `${streams}\n${hashes}`),
  members: newLeanScript('members', members, hashes),
  order: newLeanScript('order', order),
  publish: newBareScript('publish', publish),
  read: newLeanScript('read', read, streams),
  removeApp: newLeanScript('remove-app', removeApp),
  repeatClaim: newLeanScript('repeat-claim', repeatClaim),
  repeatKeep: newLeanScript('repeat-keep', repeatKeep),
  repeatRelease: newLeanScript('repeat-release', repeatRelease),
  nodesBeat: newScript('nodes-beat', nodesBeat),
  nodesFigures: newScript('nodes-figures', nodesFigures),
  nodesFiguresRead: newScript('nodes-figures-read', nodesFiguresRead),
  nodesLeave: newScript('nodes-leave', nodesLeave),
  nodesRead: newScript('nodes-read', nodesRead),
  nodesSay: newScript('nodes-say', nodesSay),
  nodesTell: newScript('nodes-tell', nodesTell),
  unlisten: newScript('unlisten', unlisten),
  writer: newScript('writer', writer),
}
