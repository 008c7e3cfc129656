/** `carillon problems`: what a running server says is wrong right now, and what to do. */
import { SERVER_OPTIONS, type CommandRow } from './command'
import { dataOf } from './client'
import { EXITS } from './exits'
import { printFindings, type Finding } from './findings'

type Problem = {
  readonly code: string
  readonly severity: 'critical' | 'warning' | 'notice'
  readonly app: { readonly slug: string } | null
  readonly text: string
  readonly remedy: string
}
type Found = { readonly count: number; readonly problems: readonly Problem[] }

const STATES = { critical: 'fail', warning: 'warn', notice: 'ok' } as const

export const PROBLEMS: CommandRow = {
  name: 'problems',
  about: 'show what a server says is wrong right now, and what to do',
  details:
    'The worst first, of the server and of each app. Exits with 1 where something is critical: clients are turned away, or something is lost.',
  options: SERVER_OPTIONS,
  examples: [
    ['problems', 'what is wrong, and what to do'],
    ['problems --json | jq -r ".[].code"', 'the codes, as docs/operations.md has them'],
  ],
  run: async (_given, { client, terminal }) => {
    const { problems } = dataOf<Found>(await client.admin('/problems'))
    if (terminal.isJson) terminal.json(problems)
    else if (problems.length === 0) terminal.lines('all is well')
    else printFindings(problems.map(findingOf), terminal)
    const isGrave = problems.some(({ severity }) => severity === 'critical')
    return isGrave ? EXITS.failed.code : EXITS.done.code
  },
}

const findingOf = ({ severity, app, text, remedy }: Problem): Finding => ({
  state: STATES[severity],
  check: app ? 'app' : 'server',
  about: `${app ? `${app.slug}: ` : ''}${text}. ${remedy}`,
})
