/**
 * The OpenAPI document: generated from the routes' schemas and normalised, here and nowhere else, so
 * that the generator can be swapped. Its page is not used: it would load scripts from elsewhere.
 */
import { swagger } from '@elysiajs/swagger'
import { Elysia, type AnyElysia } from 'elysia'

export const DOCUMENT_PATH = '/swagger/json'
/** Inside the wrapper that the document is read from; never served. */
const GENERATED_PATH = '/generated'

const DOCUMENTATION = {
  info: {
    title: 'Carillon',
    version: '0.1.0',
    description:
      'A self-hosted realtime push server: the HTTP API of Pusher Channels, and its own.',
  },
  tags: [
    { name: 'events', description: 'Trigger events; requests are signed as Pusher signs them' },
    { name: 'channels', description: 'Ask who is subscribed to what; signed likewise' },
    { name: 'admin', description: 'Apps; Basic authentication' },
    { name: 'operations', description: 'Health' },
  ],
}

/** The document of an API's routes, keys in alphabetical order. */
export async function documentOf(api: AnyElysia): Promise<object> {
  const generator = swagger({
    path: GENERATED_PATH,
    specPath: GENERATED_PATH,
    exclude: [GENERATED_PATH, DOCUMENT_PATH],
    documentation: DOCUMENTATION,
  })
  const wrapper = new Elysia().use(generator).use(api)
  const response = await wrapper.handle(new Request(`http://localhost${GENERATED_PATH}`))
  return normalised(await response.json(), '') as object
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Sorts keys, drops internal ids, and leaves each body the one content type that it has. */
function normalised(value: Json, key: string): Json {
  if (Array.isArray(value)) return value.map((item) => normalised(item, ''))
  if (typeof value !== 'object' || value === null) return value
  if (key === 'content') return normalised(oneContentType(value), '')
  const entries = Object.entries(value)
    .filter(([name]) => name !== '$id')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, normalised(item, name)])
  return Object.fromEntries(entries)
}

/** The generator lists JSON, multipart and text for every body; text is text, the rest is JSON. */
function oneContentType(content: { [type: string]: Json }): { [type: string]: Json } {
  const [body] = Object.values(content) as [{ schema?: { type?: Json } }?]
  const type = body?.schema?.type === 'string' ? 'text/plain' : 'application/json'
  return { [type]: body as Json }
}
