/** ops/cluster: the files that start two nodes, against the settings, the image and each other. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig, SETTINGS } from '../../../src/config/config'
import { LEAVE_MS } from '../../../src/goodbye'
import { ROOT } from '../../docs/pages'

type Service = {
  readonly environment?: Readonly<Record<string, string | number>>
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
}
type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: {
    readonly default: { readonly ipam: { readonly config: readonly { readonly subnet: string }[] } }
  }
  readonly volumes: object
}

const read = (name: string): Promise<string> => Bun.file(join(ROOT, 'ops/cluster', name)).text()
const { services, networks, volumes } = Bun.YAML.parse(await read('compose.yml')) as Compose
const nodes = Object.entries(services).filter(([name]) => name.startsWith('carillon-'))

test('every node has settings that are ones, over the one Redis, and a volume of its own', () => {
  expect(nodes.map(([name]) => name)).toEqual(['carillon-1', 'carillon-2'])
  for (const [name, { environment = {}, volumes: own = [] }] of nodes) {
    const env = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, String(value)]),
    )
    const config = readConfig(env)
    expect(config.nodeName).toBe(name)
    expect(config.redisUrl).toBe('redis://redis:6379')
    expect(config.trustedProxies).toEqual([networks.default.ipam.config[0]!.subnet])
    expect(Object.keys(volumes)).toContain(own[0]!.split(':')[0]!)
  }
  expect(new Set(nodes.map(([, { volumes: own }]) => own?.[0])).size).toBe(nodes.length)
})

test('they have the time that they need to leave', () => {
  for (const [, { environment = {}, stop_grace_period: grace = '' }] of nodes)
    expect(parseInt(grace) * 1000).toBeGreaterThanOrEqual(
      Number(environment['CARILLON_DRAIN_SECONDS']) * 1000 + LEAVE_MS,
    )
})

test('nginx knows each of them by name and port, twice', async () => {
  const text = await read('nginx.conf')
  for (const [name] of nodes)
    expect(text.split(`server ${name}:${SETTINGS.port.default} `).length - 1).toBe(2)
})
