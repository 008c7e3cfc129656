/**
 * The apps that commands work on: of a server by its admin API, or of a database file, which offline.ts opens.
 */
import type { AppResource } from '../apps/resource'
import { dataOf, type Client } from './client'
import { CommandError } from './exits'

/** Fields of an app, as the admin API takes them. */
export type Fields = Readonly<Record<string, unknown>>

/** Apps of a server, or in a file; each method throws CommandErrors. */
export type AppsDoor = {
  list(): Promise<readonly AppResource[]>
  show(slug: string): Promise<AppResource>
  create(fields: Fields): Promise<AppResource>
  change(slug: string, fields: Fields): Promise<AppResource>
  rotate(slug: string): Promise<AppResource>
  retire(slug: string, key: string): Promise<AppResource>
  remove(slug: string): Promise<void>
}

export function appsOfServer(client: Client): AppsDoor {
  const request = async (
    slug: string,
    rest: string,
    method: 'POST' | 'PATCH' | 'DELETE',
    body?: unknown,
  ) => {
    const sought = `the app ${slug}`
    const path = `/apps/${encodeURIComponent(slug)}${rest}`
    return dataOf<AppResource>(await client.admin(path, { method, body, sought }))
  }
  return {
    list: () => client.listApps(),
    show: (slug) => client.showApp(slug),
    create: async (app) =>
      dataOf<AppResource>(await client.admin('/apps', { method: 'POST', body: { app } })),
    change: (slug, app) => request(slug, '', 'PATCH', { app }),
    rotate: (slug) => request(slug, '/keys', 'POST'),
    retire: async (slug, key) => {
      const { keys } = await client.showApp(slug)
      if (!keys.some((pair) => pair.key === key))
        throw new CommandError('missing', `the app ${slug} has no key ${key}`)
      return await request(slug, `/keys/${encodeURIComponent(key)}`, 'DELETE')
    },
    remove: async (slug) => {
      await client.admin(`/apps/${encodeURIComponent(slug)}`, {
        method: 'DELETE',
        sought: `the app ${slug}`,
      })
    },
  }
}
