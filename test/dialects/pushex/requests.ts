/** How tests push by PushEx’s API. */
import type { TestServer } from '../../harness'

/** The body of every 403. */
export const FORBIDDEN = { error: 'Access forbidden' }

/** A push; a body that is text goes as it is. */
export function push(server: TestServer, body: unknown, headers: Record<string, string> = {}) {
  return server.http('/api/push', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
