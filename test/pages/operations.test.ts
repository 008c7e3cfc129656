/** What the page's plugin brings: operations are taken from the document as it is, unless it has references. */
import { expect, test } from 'bun:test'
import { operationsPlugin } from '../../src/pages/swagger/operations'
import type { Document } from '../../src/pages/swagger/schemes'
import { start } from '../harness'

const plugin = (document: object) =>
  operationsPlugin(document as Document)({
    React: { createElement: () => undefined },
    specSelectors: { taggedOperations: () => new Map() as never },
  })

test('ours has none, and a part of it is there as it is', async () => {
  await using server = await start()
  const document = (await (await server.http('/swagger/json')).json()) as Document
  const { resolveSubtree } = plugin(document).fn
  const path = '/apps/{appId}/events'
  expect(await resolveSubtree!(document, ['paths', path, 'post'])).toEqual({
    errors: [],
    spec: document.paths[path]!['post'],
  })
  expect(await resolveSubtree!(document, ['paths', 'none', 'post'])).toEqual({
    errors: [],
    spec: undefined,
  })
})

test('where a plugin brings one, Swagger UI reads the document', () => {
  const schema = { $ref: '#/components/schemas/Thing' }
  expect(plugin({ paths: { '/thing': { get: { schema } } } }).fn.resolveSubtree).toBeUndefined()
})
