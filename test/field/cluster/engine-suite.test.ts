/** The tests that have two connections or two requests, over two nodes on one Redis. */
import { describeWith } from '../programs'
import { overRedis } from '../../redis/engine-suite'
import { findRedisPrograms } from '../../redis/redis'
import { FILES } from '../../two-servers/files'

/** What they test is kept by each node, so far; or they hold messages back, which nobody can in Redis. */
const LEFT_OUT: readonly string[] = [
  'http/history',
  'http/connections',
  'http/idempotency',
  'webhooks/cache-misses',
  'model',
  'protocols/phoenix-presence',
  'protocols/phoenix-join',
  'protocols/pusher-presence',
  'protocols/pusher-cache',
  'protocols/pusher-subscribe',
  'protocols/history-pusher',
  'core/streams-walk',
  'core/engine-taps',
  'core/engine-waits',
]

const files = Object.values<readonly string[]>(FILES).flat()

describeWith('redis-server', 'the engine suite', () => {
  for (const program of findRedisPrograms())
    overRedis(
      { program },
      files.filter((file) => !LEFT_OUT.includes(file)),
    )
})
