/**
 * Live: what does a fan-out cost while one page watches the app? Fan-out and triggers of a server whose live stream
 * somebody reads, beside one that nobody watches. A row is made once per publish, and only so many are; the more
 * subscribers, the less it is of a delivery, so few have a case, and a trigger that nobody hears has one.
 */
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { swarmQuestion } from './fanout'
import { startServer } from './lib/processes'
import { runAgainst } from './lib/play'
import type { Outcome, Question, Turn } from './lib/question'
import { findSide, type Peer } from './lib/sides'
import { ADMIN } from './lib/stage'
import { ONE_CHANNEL, trigger } from './trigger'

const AGAINST_UNWATCHED = { subjects: ['watched'], yardsticks: ['carillon'] } as const

/** Reads the live stream of the app until it is disposed of. @throws Error where there is none */
async function watch({ host, port, app }: Peer): Promise<AsyncDisposable & { rows: number }> {
  const end = new AbortController()
  const url = `http://${host}:${port}/api/admin/apps/${app.id}/live`
  const answer = await fetch(url, { headers: ADMIN, signal: end.signal })
  if (!answer.ok || !answer.body) throw new Error(`the live stream was answered ${answer.status}`)
  const reader = answer.body.getReader()
  const watching = {
    rows: 0,
    async [Symbol.asyncDispose]() {
      end.abort()
      await done
    },
  }
  const decoder = new TextDecoder()
  const read = async (): Promise<void> => {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      watching.rows += decoder.decode(part.value).split('\nid: ').length - 1
  }
  const done = read().catch(() => undefined) // it was aborted
  return watching
}

const playWatched =
  (script: string) =>
  async (turn: Turn): Promise<Outcome> => {
    await using server = await startServer(turn.side)
    if (turn.side !== 'watched')
      return { ...(await runAgainst(script, turn, server.peer)), rows: NaN }
    await using watching = await watch(server.peer)
    const outcome = await runAgainst(script, turn, server.peer)
    if (watching.rows === 0) throw new Error(`${findSide(turn.side).about}: no row was seen`)
    return { ...outcome, rows: watching.rows }
  }

const ROWS = { title: 'rows seen', key: 'rows', digits: 0 } as const

export const FEW = makeCrowdCase(makeCrowd({ subscribers: 100 }))

export const liveFanout: Question = {
  ...swarmQuestion,
  ...AGAINST_UNWATCHED,
  name: 'live-fanout',
  asks: 'What does a fan-out cost while one page watches?',
  play: playWatched('swarm.ts'),
  cases: [makeCrowdCase(makeCrowd()), FEW, makeCrowdCase(makeCrowd(saturate(1)))],
  quickCases: [],
  smokeCases: [makeCrowdCase(makeCrowd({ subscribers: 50 }))],
  columns: [...swarmQuestion.columns, ROWS],
}

export const liveTrigger: Question = {
  ...trigger,
  ...AGAINST_UNWATCHED,
  name: 'live-trigger',
  asks: 'What does a trigger cost while one page watches?',
  play: playWatched('cannon.ts'),
  cases: [ONE_CHANNEL],
  quickCases: [],
  smokeCases: [],
  columns: [...trigger.columns, ROWS],
}
