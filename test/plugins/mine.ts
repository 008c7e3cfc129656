/** A plugin that is nothing but routes, what it answers, and what is reported of it. */
import { definePlugin, type AnyPlugin, type PluginContext } from 'carillon/plugin'
import type { TestServer } from '../harness'

export const ID = 'an-id-of-twenty-characters'

export const mine = (add: (context: PluginContext) => unknown, name = 'mine'): AnyPlugin =>
  definePlugin({
    name,
    carillon: 1,
    setup(context) {
      add(context)
      return {}
    },
  })

export const request = (server: TestServer, path: string, init: RequestInit = {}) =>
  server.http(`/plugins/mine${path}`, { ...init, headers: { 'x-request-id': ID, ...init.headers } })

export async function reportOf(server: TestServer, plugin = 'mine') {
  const { data } = await (await server.admin('/api/admin/plugins')).json()
  const { hooks } = data.find(({ name }: { name: string }) => name === plugin)
  return hooks.find(({ name }: { name: string }) => name === 'routes')
}
