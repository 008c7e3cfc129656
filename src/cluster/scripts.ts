/** SCRIPTS: what Redis carries out for channels. The head of each file says what it is given, and what it answers. */
import { newScript } from './script'
import beat from './scripts/beat.lua' with { type: 'text' }
import channels from './scripts/channels.lua' with { type: 'text' }
import claim from './scripts/claim.lua' with { type: 'text' }
import count from './scripts/count.lua' with { type: 'text' }
import counts from './scripts/counts.lua' with { type: 'text' }
import enter from './scripts/enter.lua' with { type: 'text' }
import exit from './scripts/exit.lua' with { type: 'text' }
import held from './scripts/held.lua' with { type: 'text' }
import listen from './scripts/listen.lua' with { type: 'text' }
import members from './scripts/members.lua' with { type: 'text' }
import publish from './scripts/publish.lua' with { type: 'text' }
import unlisten from './scripts/unlisten.lua' with { type: 'text' }

export const SCRIPTS = {
  beat: newScript('beat', beat),
  channels: newScript('channels', channels),
  claim: newScript('claim', claim),
  count: newScript('count', count),
  counts: newScript('counts', counts),
  enter: newScript('enter', enter),
  exit: newScript('exit', exit),
  held: newScript('held', held),
  listen: newScript('listen', listen),
  members: newScript('members', members),
  publish: newScript('publish', publish),
  unlisten: newScript('unlisten', unlisten),
}
