/** The framework reads the text of hooks: one that passes its context on has everything parsed, for every request of the server. */
import { expect, test } from 'bun:test'
import { startCommon } from '../harness'

const serverOf = startCommon({ config: { adminOrigins: ['https://dash.example'] } })

test('no route has cookies or headers parsed that it does not read', () => {
  const { routes } = serverOf().server.api
  expect(routes.length).toBeGreaterThan(30)
  const parsing = routes.filter(({ compile }) =>
    /parseCookie|headers\.toJSON/.test(String(compile())),
  )
  expect(parsing.map(({ method, path }) => `${method} ${path}`)).toEqual([])
})
