/**
 * `carillon completion`: scripts that let a shell complete commands and options. Such a script asks `carillon complete`
 * at each press of the key.
 */
import { RootCommand } from '@bomb.sh/tab'
import type { CommandRow } from './command'
import { usageError } from './exits'

const SHELLS = ['bash', 'zsh', 'fish'] as const

export const COMPLETION: CommandRow = {
  name: 'completion',
  about: 'print a script that lets a shell complete commands and options',
  arguments: [['<shell>', SHELLS.join(', ')]],
  examples: [
    ['completion bash >> ~/.bashrc', 'for bash'],
    ['completion zsh > "${fpath[1]}/_carillon"', 'for zsh'],
    ['completion fish > ~/.config/fish/completions/carillon.fish', 'for fish'],
  ],
  run: async (given) => {
    const shell = SHELLS.find((name) => name === given.argument(0))
    if (!shell) throw usageError(`completion expects one of ${SHELLS.join(', ')}`)
    new RootCommand().setup('carillon', 'carillon', shell)
  },
}

/** Commands, and the first words of those that have two. */
export type Known = {
  readonly commands: readonly CommandRow[]
  readonly groups: Readonly<Record<string, string>>
}

/** Prints what may stand in the place of the last of `words`, and what that is; for the scripts. */
export function complete(words: readonly string[], { commands, groups }: Known): void {
  const root = new RootCommand()
  for (const [name, about] of Object.entries(groups)) root.command(name, about)
  for (const { name, about, options = [], arguments: expected = [] } of commands) {
    const command = root.command(name, about)
    for (const [flags, text] of options) {
      const [, long = '', value] = /^--([\w-]+)( <.*)?/.exec(flags) ?? []
      if (value === undefined) command.option(long, text)
      else command.option(long, text, () => undefined) // a value follows, of which nothing is known
    }
    if (name === COMPLETION.name)
      command.argument('shell', (offer) => SHELLS.forEach((shell) => offer(shell, '')))
    else for (const [argument] of expected) command.argument(argument)
  }
  root.parse([...words])
}
