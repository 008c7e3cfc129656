/** One server over a Redis, beside others, and what its admin API answers. */
import { createServed } from '../../../kit/server'
import { readConfig, type Config } from '../../../src/config/config'
import type { AnyPlugin } from '../../../src/plugin'
import { nextLook, PATIENCE_MS, TestServer, waitUntil } from '../../harness'

const { limits } = readConfig({ CARILLON_LOG_LEVEL: 'silent' })

type NodeOptions = { readonly plugins?: readonly AnyPlugin[] } & Partial<Config>

/** Starts a server; `redisUrl` may lead through a proxy. */
export async function startNode(
  redisUrl: string,
  { plugins = [], ...config }: NodeOptions = {},
): Promise<TestServer> {
  const all = { webhookSettleMs: 0, limits, redisUrl, ...config }
  return new TestServer(await createServed({ config: all, plugins }))
}

/** Asks again until it is so; what other nodes say comes by Redis. */
export async function until<Answer>(
  ask: () => Promise<Answer> | Answer,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    if (performance.now() > end) throw new Error(`it is still ${JSON.stringify(answer)}`)
    await nextLook()
  }
}

export const APPS = '/api/admin/apps'

/** Asks the admin API with JSON. */
export async function ask(node: TestServer, method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  const response = await node.admin(path, init)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}

/** Makes an app of the name. @throws Error where that is refused */
export async function makeApp(
  node: TestServer,
  name: string,
): Promise<{ readonly id: number; readonly key: string }> {
  const { status, body } = await ask(node, 'POST', APPS, { app: { name } })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body.data
}

/** The slugs of a node's apps, in order. */
export const slugsOf = ({ core }: TestServer): string[] =>
  Array.from(core.apps.all(), ({ record }) => record.slug).sort()

/** What a node says of all its apps, by id. */
export async function appsOf(node: TestServer): Promise<readonly object[]> {
  const { data } = (await ask(node, 'GET', APPS)).body as { data: { readonly id: number }[] }
  return data.toSorted((one, other) => one.id - other.id)
}

/** Waits until a node has apps of these slugs, and no others. */
export const waitForSlugs = (node: TestServer, slugs: readonly string[]): Promise<void> =>
  waitUntil(`the apps are ${slugs.join(', ')}`, () =>
    Bun.deepEquals(slugsOf(node), [...slugs].sort()),
  )
