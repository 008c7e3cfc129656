/** How tests post events as ExPusherLite’s article does. */
import type { TestServer } from '../../harness'
import { makeBasicAuth, PAIR } from '../../credentials'

/** An event as the article has it. */
export const EVENT = {
  scope: 'public',
  topic: 'foo-topic',
  event: 'msg',
  payload: '{"name":"Joe"}',
}

/** Posts a body, with the app's own credentials unless `headers` has others. */
export function post(
  server: TestServer,
  body: RequestInit['body'],
  headers: Record<string, string> = makeBasicAuth(PAIR),
  slug = 'test-app',
): Promise<Response> {
  return server.http(`/api/apps/${slug}/events`, { method: 'POST', headers, body: body ?? null })
}

/** Reads status and body, which is empty or JSON. */
export async function readAnswer(response: Response): Promise<unknown[]> {
  const text = await response.text()
  return [response.status, text && JSON.parse(text)]
}
