/** Kubernetes sets variables for every service of the namespace; some look like settings. */
import { expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import { notes } from '../../src/config/notes'

/** What Kubernetes sets for a service with two ports. */
function variables(service: string): Record<string, string> {
  const name = service.toUpperCase().replaceAll('-', '_')
  const [address, url] = ['10.0.0.143', 'tcp://10.0.0.143:6001']
  return {
    [`${name}_SERVICE_HOST`]: address,
    [`${name}_SERVICE_PORT`]: '6001',
    [`${name}_SERVICE_PORT_WEB`]: '6001',
    [`${name}_PORT`]: url,
    [`${name}_PORT_6001_TCP`]: url,
    [`${name}_PORT_6001_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_6001_TCP_PORT`]: '6001',
    [`${name}_PORT_6001_TCP_ADDR`]: address,
    [`${name}_PORT_53_UDP`]: 'udp://10.0.0.143:53',
  }
}

const LIKE_OURS = [
  'carillon',
  'carillon-websockets',
  'pusher',
  'pusher-app',
  'pusher-admin',
  'soketi',
  'soketi-metrics',
  'soketi-metrics-server',
  'reverb',
  'reverb-server',
]
test.each(LIKE_OURS)('a service called %s binds nothing; one line says so', (service) => {
  const env = variables(service)
  expect(readConfig(env)).toEqual(readConfig({}))
  expect(notes(env)).toEqual([
    {
      level: 'info',
      message: `${Object.keys(env).toSorted().join(', ')}: set by Kubernetes for a service of that name, and no settings (enableServiceLinks: false leaves them out)`,
    },
  ])
})

test.each(['database', 'database-path', 'my-app'])(
  'nothing is said of a service called %s',
  (service) => {
    expect(readConfig(variables(service))).toEqual(readConfig({}))
    expect(notes(variables(service))).toEqual([])
  },
)

test('what is set beside them is read', () => {
  expect(readConfig({ ...variables('soketi'), PORT: '7001' })).toMatchObject({ port: 7001 })
  expect(readConfig({ ...variables('soketi'), SOKETI_PORT: '7002' })).toMatchObject({ port: 7002 })
  expect(readConfig({ ...variables('soketi'), REVERB_SERVER_PORT: '7003' })).toMatchObject({
    port: 7003,
  })
})

test('PORT itself must be a number', () => {
  expect(() => readConfig({ PORT: 'tcp://10.0.0.143:6001' })).toThrow(
    'PORT=tcp://10.0.0.143:6001: expected an integer from 0 to 65535',
  )
})
