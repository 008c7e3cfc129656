/**
 * `carillon webhooks`: what became of an app's webhooks; endpoints tested, paused and resumed; dead letters sent again.
 */
import { dataOf, type Client } from './client'
import { APP_OPTIONS, type ArgumentRow, type CommandRow } from './command'
import type { Given } from './surroundings'
import { EXITS, usageError } from './exits'
import { showTime } from './times'

type Endpoint = {
  readonly id: string
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

const ENDPOINT: ArgumentRow = ['<endpoint>', 'its id or url, as `webhooks pending` shows them']

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
          { title: 'ID' },
        ],
        endpoints.map(
          ({ id, endpoint, state, pending, failing, dead, oldest, attempts: [last] }) => [
            endpoint,
            state,
            pending,
            failing,
            dead,
            showTime(oldest),
            last && (last.error ?? last.status),
            id,
          ],
        ),
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
    about: 'send the dead letters of an app again, all or some',
    arguments: [['[id...]', 'those with these ids, as `webhooks dead` lists them']],
    options: APP_OPTIONS,
    examples: [
      ['webhooks replay --app my-shop', 'in new bodies, with a new time and signature'],
      ['webhooks replay 7 8', 'these two'],
    ],
    run: async (given, { client, terminal }) => {
      const ids = given.several(0)
      const bad = ids.find((id) => !/^\d{1,15}$/.test(id))
      if (bad !== undefined)
        throw usageError(`the id ${JSON.stringify(bad)}; \`carillon webhooks dead\` lists them`)
      const path = `${await pathOf(client)}/replay`
      const bodies = ids.length === 0 ? [undefined] : inParts(ids.map(Number))
      let replayed = 0
      for (const body of bodies) {
        const answer = await client.admin(path, { method: 'POST', body, sought: 'the app' })
        replayed += dataOf<{ replayed: number }>(answer).replayed
      }
      if (terminal.isJson) return terminal.json({ replayed })
      if (terminal.isTerminal) terminal.say(`${replayed} are pending again`)
      else terminal.lines(String(replayed))
    },
  },
  {
    name: 'webhooks test',
    about: 'send a test event to an endpoint, at once',
    details: 'Fails where the endpoint does not accept it.',
    arguments: [ENDPOINT],
    options: APP_OPTIONS,
    examples: [['webhooks test https://example.org/hook', 'its status, or what went wrong']],
    run: async (given, { client, terminal }) => {
      const tested = await post<Tested>(client, given, 'test')
      if (terminal.isJson) terminal.json(tested)
      else
        terminal.fields([
          ['status', tested.status],
          ['error', tested.error],
          ['duration', `${tested.duration_ms} ms`],
          ['answer', tested.answer],
        ])
      return tested.error === null ? 0 : EXITS.failed.code
    },
  },
  {
    name: 'webhooks pause',
    about: 'pause an endpoint; its events wait',
    arguments: [ENDPOINT],
    options: APP_OPTIONS,
    examples: [['webhooks pause https://example.org/hook', 'also over a restart of the server']],
    run: async (given, { client, terminal }) => {
      const paused = await post<Paused>(client, given, 'pause')
      if (terminal.isJson) terminal.json(paused)
      else terminal.say(`${paused.endpoint} is paused`)
    },
  },
  {
    name: 'webhooks resume',
    about: 'resume an endpoint; what waited is sent',
    arguments: [ENDPOINT],
    options: APP_OPTIONS,
    examples: [['webhooks resume https://example.org/hook', 'in order, and as new']],
    run: async (given, { client, terminal }) => {
      const resumed = await post<Paused>(client, given, 'resume')
      if (terminal.isJson) terminal.json(resumed)
      else terminal.say(`${resumed.endpoint} is resumed`)
    },
  },
]

type Tested = {
  readonly status: number | null
  readonly error: string | null
  readonly duration_ms: number
  readonly answer: string | null
}
type Paused = { readonly endpoint: string; readonly paused_at: number | null }

async function post<T>(client: Client, given: Given, change: string): Promise<T> {
  const endpoint = given.argument(0)
  const path = `${await pathOf(client)}/endpoints/${encodeURIComponent(endpoint)}/${change}`
  const sought = `the endpoint ${endpoint}`
  return dataOf<T>(await client.admin(path, { method: 'POST', sought }))
}

/** Of ids that one request may have. */
const MAX_IDS = 100

function inParts(ids: readonly number[]): { readonly ids: readonly number[] }[] {
  const parts = Math.ceil(ids.length / MAX_IDS)
  return Array.from({ length: parts }, (_, n) => ({
    ids: ids.slice(n * MAX_IDS, (n + 1) * MAX_IDS),
  }))
}

const pathOf = async (client: Client): Promise<string> =>
  `/apps/${encodeURIComponent(await client.appId())}/webhooks`

async function report(client: Client): Promise<Report> {
  const id = await client.appId()
  const path = `/apps/${encodeURIComponent(id)}/webhooks/deliveries`
  return dataOf<Report>(await client.admin(path, { sought: `the app ${id}` }))
}
