/** Every operation, sent exactly as the page fills it in, from the top of the list to its end. */
import { expect, test } from 'bun:test'
import { currentDocument } from '../../openapi/current'
import { compareOperations } from '../../src/pages/swagger/operations'
import { authorize } from '../../src/pages/swagger/sign'
import { schemeOf } from '../../src/pages/swagger/schemes'
import { guardian } from '../../plugins/guardian'
import type { SocketId } from '../../src/core/types'
import { addConnection } from '../connections'
import { start } from '../harness'
import { makeSession } from '../sessions'

type Property = { readonly examples?: readonly string[] }
type Media = {
  readonly example?: unknown
  readonly schema: { readonly properties?: Record<string, Property> }
}
type Parameter = { readonly in: string; readonly name: string; readonly example?: string }
type Operation = {
  readonly operationId: string
  readonly tags: readonly [string]
  readonly parameters?: readonly Parameter[]
  readonly security?: readonly Readonly<Record<string, unknown>>[]
  readonly requestBody?: { readonly content: Record<string, Media> }
}
type Document = {
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Record<string, Record<string, Operation>>
}

const document = (await currentDocument()) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)
const listed = document.tags.flatMap(({ name }) =>
  operations.filter(({ operation }) => operation.tags[0] === name).sort(compareOperations),
)

const SUCCESS = 200
const OTHERS: Readonly<Record<string, number>> = {
  triggerChannelEvent: 202,
  createApp: 201,
  createToken: 201,
  revokeToken: 204,
  signIn: 201,
  endSession: 204,
  addKey: 201,
  closeConnection: 204,
  terminateSignedInUser: 204,
  deleteApp: 204,
  createRevocation: 201,
  deleteRevocation: 204,
}

test('the trigger comes first, and nothing is left out', () => {
  expect(listed[0]!.operation.operationId).toBe('triggerEvent')
  expect(listed).toHaveLength(operations.length)
})

test('every operation is answered with success', async () => {
  const ids = listed.map(({ operation }) => operation.operationId)
  const expected = Object.fromEntries(ids.map((id) => [id, OTHERS[id] ?? SUCCESS]))
  expect(await sentAs(0)).toEqual(expected)
})

test.each(['application/x-www-form-urlencoded', 'multipart/form-data'])(
  'every form is answered with success: %s',
  async (type) => {
    expect(await sentAs(type)).toEqual({
      publishToScope: 200,
      push: 200,
      createApp: 201,
      changeApp: 200,
      replaceApp: 200,
      createToken: 201,
    })
  },
)

/** The statuses that a fresh server answers with: to the first kind of body, or to forms only. */
async function sentAs(type: 0 | string): Promise<Record<string, number>> {
  await using server = await start({ plugins: [guardian()] })
  server.server.sessions.add(makeSession('spare'))
  const credentials = await (await server.http('/swagger/defaults')).json()
  const answers: Record<string, number> = {}
  for (const { path, method, operation } of listed) {
    const { operationId, parameters = [], requestBody } = operation
    const content = requestBody?.content ?? {}
    if (type !== 0 && !(type in content)) continue
    const [kind = ''] = type === 0 ? Object.keys(content) : [type]
    if (operationId === 'showConnection')
      addConnection(server, server.core.apps.bySlug('foo-app')!, '123.456' as SocketId)
    const url = new URL(filledIn(path, parameters), `http://127.0.0.1:${server.port}`)
    const request = authorize(
      {
        url: url.href,
        method: method.toUpperCase(),
        headers: kind === '' || kind.startsWith('multipart/') ? {} : { 'content-type': kind },
        ...(kind !== '' && { body: bodyOf(kind, content[kind]!) }),
      },
      { scheme: schemeOf(operation), path: url.pathname },
      credentials,
      Date.now(),
    )
    const { url: address, ...init } = request
    answers[operationId] = (await fetch(address, init as RequestInit)).status
  }
  return answers
}

function filledIn(template: string, parameters: readonly Parameter[]): string {
  let path = template
  const query = new URLSearchParams()
  for (const { in: place, name, example } of parameters) {
    expect({ template, name, example }).toEqual({ template, name, example: expect.any(String) })
    if (place === 'query') query.set(name, example!)
    else path = path.replace(`{${name}}`, encodeURIComponent(example!))
  }
  return `${path}?${query}`
}

/** As the page makes it: a field for each property, or the example as a whole. */
function bodyOf(kind: string, { example, schema }: Media): string | FormData {
  if (kind === 'text/plain') return example as string
  if (kind === 'application/json') return JSON.stringify(example)
  const fields = Object.entries(schema.properties!).map(([name, { examples }]) => [
    name,
    examples![0]!,
  ])
  if (kind !== 'multipart/form-data') return new URLSearchParams(fields).toString()
  const form = new FormData()
  for (const [name, value] of fields) form.set(name!, value!)
  return form
}
