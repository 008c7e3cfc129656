/** The tests that have two connections or two requests, over two nodes on one Redis. */
import { describeWith } from '../programs'
import { overRedis } from '../../redis/engine-suite'
import { findRedisPrograms } from '../../redis/redis'
import { FILES } from '../../two-servers/files'

/** They move the clock by hand, where times are Redis’; or hold messages back, which nobody can there. */
const LEFT_OUT: readonly string[] = [
  'http/history',
  'webhooks/cache-misses',
  'protocols/pusher-cache',
  'core/streams-walk',
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
