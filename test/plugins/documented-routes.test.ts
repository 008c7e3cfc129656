/** How the document describes a plugin's routes, however they are closed. */
import { expect, test } from 'bun:test'
import { Type } from '@sinclair/typebox'
import { definePlugin } from '../../src/plugin'
import { start } from '../harness'

const routesOf = definePlugin({
  name: 'routes',
  carillon: 1,
  setup({ routes, adminOnly }) {
    const text = { description: 'Mine', content: { 'text/plain': { example: 'my own' } } }
    routes
      .get('/open', () => 'open')
      .get('/closed/:id', () => 'closed', { beforeHandle: adminOnly })
      .get('/one-of-many', () => 'closed', { beforeHandle: [() => undefined, adminOnly] })
      .get('/says-so', () => 'closed', {
        beforeHandle: adminOnly,
        detail: { security: [{ password: [] }, { secret: [] }], responses: { 403: text } },
      })
      .guard({ beforeHandle: adminOnly }, (inside) => inside.get('/guarded', () => 'closed'))
    return {}
  },
})

const CLOSED = {
  security: [{ password: [] }, { token: [] }, { session: [] }],
  refusals: ['401', '403', '429'],
}
const ROWS = [
  { path: '/open', said: { security: undefined, refusals: [] } },
  { path: '/closed/{id}', said: CLOSED },
  { path: '/one-of-many', said: CLOSED },
  { path: '/guarded', said: CLOSED },
  { path: '/says-so', said: { ...CLOSED, security: [{ password: [] }, { secret: [] }] } },
]

test('a route behind adminOnly shows its security and how it refuses', async () => {
  await using server = await start({ plugins: [routesOf] })
  const { paths } = await (await server.http('/swagger/json')).json()
  for (const { path, said } of ROWS) {
    const { security, responses } = paths[`/plugins/routes${path}`].get
    const refusals = Object.keys(responses).filter((status) => status >= '400')
    expect({ path, security, refusals }).toEqual({ path, ...said })
    const { status } = await server.http(`/plugins/routes${path}`)
    expect({ path, status }).toEqual({ path, status: path === '/open' ? 200 : 401 })
  }
  const { responses } = paths['/plugins/routes/says-so'].get
  expect(responses[403].content['text/plain'].example).toBe('my own')
  expect(responses[401].content['text/plain'].example).toStartWith('The token')
  expect(responses[429].content['text/plain'].example).toStartWith('Too many failed logins')
})

const named = definePlugin({
  name: 'named',
  carillon: 1,
  setup({ routes }) {
    const Thing = Type.Object({ id: Type.Integer() }, { examples: [{ id: 7 }] })
    routes
      .model({ thing: Thing })
      .get('/one', () => ({ id: 1 }), { response: 'thing' })
      .post('/body', () => 'text', { body: 'thing' })
      .all('/all', () => 'text', { response: { 200: Type.String(), 404: 'thing' } })
    return {}
  },
})

test('schemas may have names, and a route all methods', async () => {
  await using server = await start({ plugins: [named] })
  const { paths } = await (await server.http('/swagger/json')).json()
  const thing = { example: { id: 7 }, schema: expect.objectContaining({ required: ['id'] }) }
  const json = { 'application/json': thing }
  const { one, all } = { one: paths['/plugins/named/one'], all: paths['/plugins/named/all'] }
  expect(one.get.responses[200].content).toEqual(json)
  expect(paths['/plugins/named/body'].post.requestBody.content).toEqual(json)
  expect(all.patch.responses[404].content).toEqual(json)
  expect(Object.keys(all.trace.responses[200].content)).toEqual(['text/plain'])
})
