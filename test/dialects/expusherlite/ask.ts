/** How tests post events as ExPusherLite’s article does. */
import type { TestServer } from '../../harness'
import { basic, PAIR } from '../../credentials'

/** An event as the article has it. */
export const EVENT = {
  scope: 'public',
  topic: 'foo-topic',
  event: 'msg',
  payload: '{"name":"Joe"}',
}

/** Posts a body; as the app itself unless `headers` say otherwise. */
export function post(
  server: TestServer,
  body: RequestInit['body'],
  headers: Record<string, string> = basic(PAIR),
  slug = 'test-app',
): Promise<Response> {
  return server.http(`/api/apps/${slug}/events`, { method: 'POST', headers, body: body ?? null })
}

/** Status and body, which is empty or JSON. */
export async function told(response: Response): Promise<unknown[]> {
  const text = await response.text()
  return [response.status, text && JSON.parse(text)]
}
