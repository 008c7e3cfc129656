import { describe, expect, test } from 'bun:test'
import { currentDocument } from '../../openapi/current'
import { authorized } from '../../src/pages/swagger/sign'
import { guardian } from '../../plugins/guardian'
import { start } from '../harness'
import { REQUESTS } from '../vectors/requests'

const HOST = 'http://localhost'
const NOBODY = { appId: '', key: '', secret: '', username: '', password: '' }

describe('the page signs as the SDKs do', () => {
  // One vector is an SDK's that hashes even no body, one has lists, which no route of the document takes.
  const vectors = REQUESTS.filter(
    ({ query, body, md5 }) => !query?.includes('[]') && (body !== undefined || md5 === undefined),
  )

  test.each(vectors)('$id', ({ app, method, path, query, timestamp, body, md5, signature }) => {
    const url = `${HOST}${path}${query === undefined ? '' : `?${query}`}`
    const credentials = { ...NOBODY, key: app.appKey, secret: app.appSecret }
    const request = authorized({ url, method, headers: {}, body }, credentials, timestamp * 1000)
    const { searchParams } = new URL(request.url)
    expect(searchParams.get('auth_signature')).toBe(signature)
    expect(searchParams.get('body_md5')).toBe(md5 ?? null)
  })

  test('what needs no credentials gets none', () => {
    const request = { url: `${HOST}/up`, method: 'GET', headers: {} }
    expect(authorized(request, { ...NOBODY, key: 'k', secret: 's' }, 0)).toBe(request)
  })
})

test('routes of plugins get the password, as the admin API does', () => {
  const request = { url: `${HOST}/plugins/x/apps/1/y`, method: 'GET', headers: {} }
  const { headers } = authorized(request, { ...NOBODY, username: 'u', password: 'p' }, 0)
  expect(headers).toEqual({ authorization: `Basic ${btoa('u:p')}` })
})

test('the examples of the document, sent as they are, are answered with success', async () => {
  await using server = await start({ plugins: [guardian()] })
  const { appId, ...rest } = await (await server.http('/swagger/defaults')).json()
  const answers: Record<string, number> = {}
  for (const { name, path, method, body } of examples(await currentDocument())) {
    const url = `http://127.0.0.1:${server.port}${path.replace('{appId}', appId)}`
    const headers = { 'content-type': 'application/json' }
    const request = authorized({ url, method, headers, body }, { appId, ...rest }, Date.now())
    const { status } = await fetch(request.url, {
      method,
      headers: request.headers,
      ...(body !== undefined && { body }),
    })
    answers[name] = status
  }
  expect(answers).toEqual({
    acceptsTraffic: 200,
    isReady: 200,
    isUp: 200,
    showStartPage: 200,
    showReference: 200,
    showDocument: 200,
    listApps: 200,
    listPlugins: 200,
    listDeliveries: 200,
    replayWebhooks: 200,
    createApp: 201,
    showApp: 200,
    replaceApp: 200,
    changeApp: 200,
    addKey: 201,
    triggerBatch: 200,
    triggerEvent: 200,
    triggerChannelEvent: 202,
    listChannels: 200,
    showChannel: 200,
    showChannelStats: 200,
    listUsers: 200,
    terminateUser: 200,
    publishToScope: 200,
    push: 200,
    listChannelsOfApp: 200,
    listUsersOfChannel: 200,
    createRevocation: 201,
    listRevocations: 200,
  })
})

type Schema = { readonly type?: string; readonly examples?: readonly unknown[] }
type Parameter = { readonly in: string; readonly name: string; readonly example?: string }
type Operation = {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> }
}

/** A request per operation, from its examples; what deletes would need its own. */
function examples(document: object) {
  const { paths } = document as { paths: Record<string, Record<string, Operation>> }
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'delete')
      .sort(([a], [b]) => CREATED_FIRST.indexOf(a) - CREATED_FIRST.indexOf(b))
      .map(([method, { operationId: name, parameters = [], requestBody }]) => ({
        name,
        method: method.toUpperCase(),
        path: filledIn(template, parameters),
        body: bodyOf(Object.values(requestBody?.content ?? {})[0]?.schema),
      })),
  )
}

const CREATED_FIRST = ['post', 'get', 'put', 'patch']

function filledIn(template: string, parameters: readonly Parameter[]): string {
  let path = template
  const query = new URLSearchParams()
  for (const { in: place, name, example } of parameters) {
    if (example === undefined) continue
    if (place === 'query') query.set(name, example)
    else if (name !== 'appId') path = path.replace(`{${name}}`, example)
  }
  return `${path}?${query}`
}

function bodyOf(schema: Schema | undefined): string | undefined {
  const [example] = schema?.examples ?? []
  return typeof example === 'object' ? JSON.stringify(example) : (example as string | undefined)
}
