/**
 * `carillon completion`: scripts that let a shell complete commands and options. They ask `carillon complete` at each
 * press of the key, with the words as arguments: what is typed is never run, as by scripts that `eval` it.
 */
import type { CommandRow } from './command'
import { usageError } from './exits'

/** A script for each shell; the first column of an answer is what may stand there, the second what it is. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_carillon() {
  local IFS=$'\\n'
  COMPREPLY=($(carillon complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _carillon carillon`,
  zsh: `#compdef carillon
_carillon() {
  local -a offered
  offered=("\${(@f)$(carillon complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  offered=("\${(@)offered//:/\\\\:}")
  offered=("\${(@)offered/$'\\t'/:}")
  if [[ -z "$offered[1]" ]]; then _files; else _describe carillon offered; fi
}
if [[ "$funcstack[1]" = _carillon ]]; then _carillon; else compdef _carillon carillon; fi`,
  fish: `function __carillon_complete
  set -l typed (commandline -opc) (commandline -ct)
  carillon complete -- $typed[2..] 2>/dev/null
end
complete -c carillon -f -a '(__carillon_complete)'
complete -c carillon -F -n 'test -z "$(__carillon_complete)"'`,
}

const SHELLS = Object.keys(SCRIPTS)

export const COMPLETION: CommandRow = {
  name: 'completion',
  about: 'print a script that lets a shell complete commands and options',
  arguments: [['<shell>', SHELLS.join(', ')]],
  examples: [
    ['completion bash >> ~/.bashrc', 'for bash'],
    ['completion zsh > "${fpath[1]}/_carillon"', 'for zsh'],
    ['completion fish > ~/.config/fish/completions/carillon.fish', 'for fish'],
  ],
  run: async (given, { terminal }) => {
    const script = SCRIPTS[given.argument(0)]
    if (script === undefined) throw usageError(`completion expects one of ${SHELLS.join(', ')}`)
    terminal.lines(script)
  },
}

/** Commands, and the first words of those that have two. */
export type Known = {
  readonly commands: readonly CommandRow[]
  readonly groups: Readonly<Record<string, string>>
}

/** What may stand somewhere, and what that is. */
type Offer = readonly [word: string, about: string]

/** What may stand in the place of the last of `words`; for the scripts, a line for each. */
export function complete(words: readonly string[], known: Known): string[] {
  const last = words.at(-1) ?? ''
  const offers = offersAfter(words.slice(0, -1), last.startsWith('-'), known)
  return offers.filter(([word]) => word.startsWith(last)).map((offer) => offer.join('\t'))
}

function offersAfter(before: readonly string[], isOption: boolean, known: Known): readonly Offer[] {
  const [first, second] = before
  if (first === undefined) return firstWords(known)
  const isGroup = Object.hasOwn(known.groups, first)
  if (isGroup && second === undefined) return secondWords(first, known)
  const name = isGroup ? `${first} ${second}` : first
  const row = known.commands.find((command) => command.name === name)
  if (!row) return []
  const options = (row.options ?? []).map(
    ([flags, about]) => [flags.split(' ')[0]!, about, flags.includes('<')] as const,
  )
  const isValue = options.some(([option, , hasValue]) => hasValue && option === before.at(-1))
  if (isValue) return []
  if (isOption)
    return [...options.map(([option, about]): Offer => [option, about]), ['--help', 'show help']]
  return row === COMPLETION ? SHELLS.map((shell): Offer => [shell, '']) : []
}

function firstWords({ commands, groups }: Known): readonly Offer[] {
  const alone = commands.filter(({ name }) => !name.includes(' '))
  return [...Object.entries(groups), ...alone.map(({ name, about }): Offer => [name, about])]
}

const secondWords = (group: string, { commands }: Known): readonly Offer[] =>
  commands
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name, about }) => [name.slice(group.length + 1), about])
