/**
 * COMMANDS: all that `carillon` can do, in the order of its help. Each family has a file.
 */
import { APPS } from './apps'
import { AUDIT } from './audit'
import { CHANNELS } from './channels'
import { CHECK_CONFIG } from './check-config'
import type { CommandRow } from './command'
import { COMPLETION } from './completion'
import { CONNECTIONS } from './connections'
import { DOCTOR } from './doctor'
import { FILES } from './files'
import { IMPORT } from './import'
import { LISTEN } from './listen'
import { NODES } from './nodes'
import { PROBLEMS } from './problems'
import { READY } from './ready'
import { STATS } from './stats'
import { TOKENS } from './tokens'
import { WEBHOOKS } from './webhooks'

/** The first words of commands that have two. */
export const GROUPS: Readonly<Record<string, string>> = {
  apps: 'list, create, change and delete apps',
  tokens: 'make, list and revoke tokens for the admin API',
  connections: 'see who is connected, and close a connection',
  import: 'take over apps and settings of another server',
  webhooks: 'see what became of webhooks, and send them again',
}

const SERVE: CommandRow = {
  name: 'serve',
  about: 'start a server, as without a command',
  details: 'Settings are environment variables: docs/settings.md, `carillon check-config`.',
  options: [['--takeover', 'take the place of the server that runs, without a failed request']],
  examples: [
    ['serve', 'until a signal ends it'],
    ['serve --takeover', 'a new version on the same port; the one before leaves'],
  ],
  run: async (given) => (await import('../serve')).serve({ takesOver: given.has('takeover') }),
}

export const COMMANDS: readonly CommandRow[] = [
  SERVE,
  ...APPS,
  ...TOKENS,
  ...CHANNELS,
  ...CONNECTIONS,
  LISTEN,
  ...WEBHOOKS,
  STATS,
  PROBLEMS,
  NODES,
  AUDIT,
  ...IMPORT,
  CHECK_CONFIG,
  READY,
  DOCTOR,
  ...FILES,
  COMPLETION,
]
