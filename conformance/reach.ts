/** Whether there is a server, and whether it takes the credentials: without that a card would say nothing. */
import { Mismatch, show } from './mismatch'
import { Requests } from './clients/requests'
import type { Target } from './target'

const SECONDS = 10

/** Why a run makes no sense, in a line; undefined where it does. */
export async function findObstacle(target: Target): Promise<string | undefined> {
  const requests = new Requests(target, AbortSignal.timeout(SECONDS * 1000))
  try {
    const { status, text } = await requests.send({ path: '/channels' })
    return status === 200 ? explainBody(text) : explainStatus(status, show(text))
  } catch (error) {
    if (error instanceof Mismatch) return `nothing answers at ${target.url}: ${error.got}`
    throw error
  }
}

function explainStatus(status: number, text: string): string | undefined {
  if (status === 401) return `the server does not take app id, key and secret together: ${text}`
  if (status === 403) return `the server refuses this app from here: ${text}`
  if (status >= 300 && status < 400)
    return `the server redirects (${status}): name the address that it redirects to`
  if (status === 404)
    return `there is no HTTP API of that app at this address (is the path right?): ${text}`
  return undefined
}

/** What an answer that has no status of its own says of itself: some servers have it in the body alone. */
function explainBody(text: string): string | undefined {
  try {
    const { error, code } = JSON.parse(text) as { error?: unknown; code?: unknown }
    return error === undefined ? undefined : explainStatus(Number(code), show(text))
  } catch {
    return `what answers there is no HTTP API of the protocol, which would send JSON: ${show(text)}`
  }
}
