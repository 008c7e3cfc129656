import { expect, test } from 'bun:test'
import { currentDocument, DOCUMENT_FILE } from '../openapi/current'
import { start } from './harness'

test('openapi/openapi.json is that of the code (bun run openapi writes it)', async () => {
  expect(await Bun.file(DOCUMENT_FILE).json()).toEqual(await currentDocument())
})

test('the server serves the same document', async () => {
  await using server = await start()
  const served = await (await server.http('/swagger/json')).json()
  expect(served).toEqual(await Bun.file(DOCUMENT_FILE).json())
})

test('it has every route, and says one content type per body', async () => {
  const document = await Bun.file(DOCUMENT_FILE).json()
  expect(Object.keys(document.paths)).toEqual([
    '/accept-traffic',
    '/api/admin/apps',
    '/api/admin/apps/{slug}',
    '/api/admin/apps/{slug}/keys',
    '/api/admin/apps/{slug}/keys/{key}',
    '/apps/{appId}/batch_events',
    '/apps/{appId}/channels',
    '/apps/{appId}/channels/{channel}',
    '/apps/{appId}/channels/{channel}/events',
    '/apps/{appId}/channels/{channel}/stats',
    '/apps/{appId}/channels/{channel}/users',
    '/apps/{appId}/events',
    '/ready',
    '/up',
  ])
  const { post } = document.paths['/apps/{appId}/events']
  expect(Object.keys(post.requestBody.content)).toEqual(['application/json'])
  expect(Object.keys(post.responses['401'].content)).toEqual(['text/plain'])
})
