/** WEBHOOKS: misdeeds by endpoints of webhooks, and by requests about them. */
import { numberTexts, type Misdeed } from '../lib/misdeed'
import { HOST } from '../lib/sides'
import type { Crowd, Stage } from '../lib/stage'

const ENDPOINTS = 10
const APP = '/app-bench'
const DELIVERIES = `${APP}/webhooks/deliveries`
const SOCKETS = 49
const CHANNELS = 2000
const POLL_MS = 50
/** Nobody listens there: all is kept. */
const DEAF = `http://${HOST}:9/`

const sendTo = (stage: Stage, urls: readonly string[]): Promise<string> =>
  stage.admin('PATCH', APP, JSON.stringify({ app: { webhooks: urls.map((url) => ({ url })) } }))

/** Nearly as many channels are occupied as each endpoint keeps events of, as fast as they are written down. */
export async function fillOutbox(stage: Stage): Promise<void> {
  await sendTo(stage, numberTexts(`${DEAF}hook-`, ENDPOINTS))
  for (let sockets = 1; sockets <= SOCKETS; sockets++) {
    stage.crowd(1).join(() => numberTexts(`c-${sockets}-`, CHANNELS))
    while ((await pendingOf(stage)) < sockets * CHANNELS * ENDPOINTS) await Bun.sleep(POLL_MS)
  }
}

async function pendingOf(stage: Stage): Promise<number> {
  const report = JSON.parse(await stage.admin('GET', DELIVERIES)) as { data: { pending: number } }
  return report.data.pending
}

/** Takes one request of five. */
function flakyEndpoint(): string {
  let requests = 0
  const { port } = Bun.serve({
    hostname: HOST,
    port: 0,
    fetch: () => new Response(null, { status: requests++ % 5 === 0 ? 200 : 503 }),
  })
  return `http://${HOST}:${port}/hook`
}

/** They are told that two thousand channels are vacated, three seconds later. */
function makeVacating(label: string, endpoints: number): Misdeed {
  let crowd: Crowd
  return {
    label,
    budgetMs: 5,
    times: 2,
    prepare: (stage) => sendTo(stage, numberTexts(`${DEAF}hook-`, endpoints)),
    before: (stage) => {
      crowd = stage.crowd(1)
      crowd.join(() => numberTexts('c-', CHANNELS))
    },
    commit: () => crowd.leave(),
    restMs: 5000,
  }
}

export const WEBHOOKS: readonly Misdeed[] = [
  makeVacating('a socket of 2 000 channels closes, and one endpoint is told', 1),
  makeVacating('a socket of 2 000 channels closes, and fifty endpoints are told', 50),
  {
    label: 'the report of ten endpoints with a million events',
    budgetMs: 25,
    prepare: fillOutbox,
    commit: (stage) => stage.admin('GET', DELIVERIES),
  },
  {
    label: 'an endpoint that fails four of five, 20 000 channels',
    budgetMs: 5,
    times: 2,
    before: async (stage) => void (await sendTo(stage, [flakyEndpoint()])),
    commit: (stage) => {
      const crowd = stage.crowd(10)
      crowd.join((index) => numberTexts(`c-${index}-`, 2000))
    },
    restMs: 5000,
  },
]
