/**
 * `carillon tokens`: tokens for the admin API.
 */
import { dataOf } from './client'
import { SERVER_OPTIONS, type CommandRow } from './command'
import { usageError } from './exits'
import { readTime, showTime } from './times'

type Token = {
  readonly id: string
  readonly name: string
  readonly scope: string
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
}

export const TOKENS: readonly CommandRow[] = [
  {
    name: 'tokens list',
    about: 'list the tokens for the admin API, ended ones too',
    options: SERVER_OPTIONS,
    examples: [['tokens list', 'name, scope, state and last use of each']],
    run: async (_given, { client, terminal }) => {
      const tokens = dataOf<readonly Token[]>(await client.admin('/tokens'))
      if (terminal.isJson) return terminal.json(tokens)
      terminal.table(
        ['NAME', 'SCOPE', 'STATE', 'EXPIRES', 'LAST USED', 'ID'].map((title) => ({ title })),
        tokens.map((token) => [
          token.name,
          token.scope,
          stateOf(token),
          showTime(token.expires_at),
          showTime(token.last_used_at),
          token.id,
        ]),
        'no tokens; `carillon tokens create NAME` makes one',
      )
    },
  },
  {
    name: 'tokens create',
    about: 'make a token; it is shown this once',
    details:
      'Scopes: read (sees everything, without secrets), app:<slug> (sees and changes that app), create (makes apps, and sees and changes those), all. It ends never unless --expires says when.',
    arguments: [['<name>', 'its name in the audit and the log']],
    options: [
      ['--scope <scope>', 'what it may: read, app:<slug>, create or all'],
      ['--expires <time>', 'when it ends: a duration like 30d, or a time'],
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['tokens create ci --scope create --expires 90d', 'for a program that makes apps'],
      ['tokens create dashboard --scope read --json | jq -r .token', 'the token alone'],
    ],
    run: async (given, { client, terminal }) => {
      const [scope, expires] = [given.text('scope'), given.text('expires')]
      if (scope === undefined)
        throw usageError('--scope says what the token may: read, app:<slug>, create or all')
      const token = {
        name: given.argument(0),
        scope,
        ...(expires !== undefined && { expires_at: readTime(expires, '--expires', 'from now') }),
      }
      const answer = await client.admin('/tokens', { method: 'POST', body: { token } })
      const made = dataOf<Token & { readonly token: string }>(answer)
      if (terminal.isJson) return terminal.json(made)
      terminal.fields([
        ['name', made.name],
        ['id', made.id],
        ['scope', made.scope],
        ['expires', showTime(made.expires_at)],
        ['token', made.token],
      ])
    },
  },
  {
    name: 'tokens revoke',
    about: 'revoke a token; it is refused at once',
    arguments: [['<token>', 'its id or name, and not its text']],
    options: SERVER_OPTIONS,
    examples: [['tokens revoke ci', 'what it has made stays']],
    run: async (given, { client, terminal }) => {
      const name = given.argument(0)
      if (name.startsWith('carillon_'))
        throw usageError(
          'this is the text of a token: `carillon tokens list` shows its id and name',
        )
      const path = `/tokens/${encodeURIComponent(name)}`
      await client.admin(path, { method: 'DELETE', sought: `the token ${name}` })
      if (terminal.isJson) terminal.json({ revoked: name })
      else terminal.say(`${name} is revoked`)
    },
  },
]

const stateOf = ({ revoked_at: revokedAt, expires_at: expiresAt }: Token): string => {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && expiresAt <= Date.now() ? 'expired' : 'live'
}
