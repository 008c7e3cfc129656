/**
 * The OpenAPI document: generated from the routes' schemas, normalised here and nowhere else, so
 * that the generator can be swapped.
 */
import { swagger } from '@elysiajs/swagger'

export const DOCUMENT_PATH = '/swagger/json'

export function openapi() {
  return swagger({
    path: '/swagger',
    specPath: DOCUMENT_PATH,
    excludeStaticFile: false,
    exclude: ['/swagger', DOCUMENT_PATH],
    documentation: {
      info: {
        title: 'Carillon',
        version: '0.1.0',
        description:
          'A self-hosted realtime push server: the HTTP API of Pusher Channels, and its own.',
      },
      tags: [
        { name: 'events', description: 'Trigger events; signed as Pusher signs' },
        { name: 'channels', description: 'Ask who is subscribed to what; signed as Pusher signs' },
        { name: 'admin', description: 'Apps; Basic authentication' },
        { name: 'operations', description: 'Health' },
      ],
    },
  })
}
