/**
 * `carillon webhooks`: what became of an app's webhooks, and dead letters sent again.
 */
import { dataOf, type Client } from './client'
import { APP_OPTIONS, type CommandRow } from './command'
import { showTime } from './times'

type Endpoint = {
  readonly endpoint: string
  readonly state: string
  readonly pending: number
  readonly failing: number
  readonly dead: number
  readonly oldest: number | null
  readonly attempts: readonly { readonly status: number | null; readonly error: string | null }[]
}

type DeadLetter = {
  readonly id: number
  readonly endpoint: string
  readonly event: { readonly name?: string; readonly channel?: string }
  readonly attempts: number
  readonly status: number | null
  readonly error: string | null
  readonly dead_at: number
}

type Report = {
  readonly endpoints: readonly Endpoint[]
  readonly dead_letters: readonly DeadLetter[]
}

export const WEBHOOKS: readonly CommandRow[] = [
  {
    name: 'webhooks pending',
    about: 'show what waits for each endpoint of an app, and how it answers',
    options: APP_OPTIONS,
    examples: [
      ['webhooks pending', 'state, counts and last answer of each endpoint'],
      ['webhooks pending --app my-shop --json', 'with the last twenty requests'],
    ],
    run: async (_given, { client, terminal }) => {
      const { endpoints } = await report(client)
      if (terminal.isJson) return terminal.json(endpoints)
      terminal.table(
        [
          { title: 'ENDPOINT' },
          { title: 'STATE' },
          { title: 'PENDING', isNumber: true },
          { title: 'FAILING', isNumber: true },
          { title: 'DEAD', isNumber: true },
          { title: 'OLDEST' },
          { title: 'LAST ANSWER' },
        ],
        endpoints.map(({ endpoint, state, pending, failing, dead, oldest, attempts: [last] }) => [
          endpoint,
          state,
          pending,
          failing,
          dead,
          showTime(oldest),
          last && (last.error ?? last.status),
        ]),
        'the app has no webhooks',
      )
    },
  },
  {
    name: 'webhooks dead',
    about: 'list the events of an app that were given up',
    options: APP_OPTIONS,
    examples: [['webhooks dead', 'the newest hundred of each endpoint']],
    run: async (_given, { client, terminal }) => {
      const { dead_letters: letters } = await report(client)
      if (terminal.isJson) return terminal.json(letters)
      terminal.table(
        [
          { title: 'ID', isNumber: true },
          { title: 'ENDPOINT' },
          { title: 'EVENT' },
          { title: 'CHANNEL' },
          { title: 'SENT', isNumber: true },
          { title: 'GIVEN UP' },
          { title: 'REASON' },
        ],
        letters.map(({ id, endpoint, event, attempts, error, status, dead_at: deadAt }) => [
          id,
          endpoint,
          event.name,
          event.channel,
          attempts,
          showTime(deadAt),
          error ?? status,
        ]),
        'no event was given up',
      )
    },
  },
  {
    name: 'webhooks replay',
    about: 'send the dead letters of an app again',
    options: APP_OPTIONS,
    examples: [['webhooks replay --app my-shop', 'in new bodies, with a new time and signature']],
    run: async (_given, { client, terminal }) => {
      const id = await client.appId()
      const path = `/apps/${encodeURIComponent(id)}/webhooks/replay`
      const answer = await client.admin(path, { method: 'POST', sought: `the app ${id}` })
      const { replayed } = dataOf<{ replayed: number }>(answer)
      if (terminal.isJson) return terminal.json({ replayed })
      if (terminal.isTerminal) terminal.say(`${replayed} are pending again`)
      else terminal.lines(String(replayed))
    },
  },
]

async function report(client: Client): Promise<Report> {
  const id = await client.appId()
  const path = `/apps/${encodeURIComponent(id)}/webhooks/deliveries`
  return dataOf<Report>(await client.admin(path, { sought: `the app ${id}` }))
}
