/**
 * A server of which all names but one are answered by nobody; says whether the one is told in time. Run
 * in a network of its own, in which it may be the name server.
 */
import { createSocket } from 'node:dgram'
import { systemClock } from '../../src/clock'
import { networkRules } from '../../src/core/networks'
import { createPoster } from '../../src/webhooks/post'

const NAMES = 30
const PATIENCE_MS = 4000

const mute = createSocket('udp4')
await new Promise<void>((bound) => mute.bind(53, '127.0.0.53', bound))
const receiver = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') })
const poster = createPoster({
  clock: systemClock,
  networks: networkRules([], []),
  timeoutMs: PATIENCE_MS,
})
const post = (host: string) =>
  poster.post({
    url: `http://${host}:${receiver.port}/`,
    headers: {},
    body: Buffer.from('{"events":[]}'),
  })
for (let n = 0; n < NAMES; n++) void post(`mute-${n}.test`)
const { status, error } = await post('localhost')
console.log(status, error)
process.exit()
