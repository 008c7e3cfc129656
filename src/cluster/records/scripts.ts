/** TABLE_SCRIPTS: what Redis carries out for the table of apps. The head of each file says what it is given. */
import { newScript } from '../link/script'
import common from '../scripts/apps-common.lua' with { type: 'text' }
import fill from '../scripts/apps-fill.lua' with { type: 'text' }
import found from '../scripts/apps-found.lua' with { type: 'text' }
import look from '../scripts/apps-look.lua' with { type: 'text' }
import share from '../scripts/apps-share.lua' with { type: 'text' }
import since from '../scripts/apps-since.lua' with { type: 'text' }
import write from '../scripts/apps-write.lua' with { type: 'text' }

const tableScript = (name: string, text: string) => newScript(`apps-${name}`, text, common)

export const TABLE_SCRIPTS = {
  fill: tableScript('fill', fill),
  found: tableScript('found', found),
  look: tableScript('look', look),
  share: tableScript('share', share),
  since: tableScript('since', since),
  write: tableScript('write', write),
}
