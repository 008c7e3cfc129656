/**
 * COMMANDS: all that `carillon` can do, in the order of its help. Each family has a file.
 */
import { APPS } from './apps'
import { CHANNELS } from './channels'
import { CHECK_CONFIG } from './check-config'
import type { CommandRow } from './command'
import { COMPLETION } from './completion'
import { DOCTOR } from './doctor'
import { FILES } from './files'
import { LISTEN } from './listen'
import { STATS } from './stats'
import { WEBHOOKS } from './webhooks'

/** The first words of commands that have two. */
export const GROUPS: Readonly<Record<string, string>> = {
  apps: 'list, create, change and delete apps',
  webhooks: 'see what became of webhooks, and send them again',
}

const SERVE: CommandRow = {
  name: 'serve',
  about: 'start a server, as without a command',
  details: 'Settings are environment variables: docs/settings.md, `carillon check-config`.',
  examples: [['serve', 'until a signal ends it']],
  run: async () => (await import('../serve')).serve(),
}

export const COMMANDS: readonly CommandRow[] = [
  SERVE,
  ...APPS,
  ...CHANNELS,
  LISTEN,
  ...WEBHOOKS,
  STATS,
  CHECK_CONFIG,
  DOCTOR,
  ...FILES,
  COMPLETION,
]
