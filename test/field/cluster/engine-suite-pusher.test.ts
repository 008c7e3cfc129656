/** The engine suite over one Redis: see `engine-suite.test.ts`. */
import { describeWith } from '../programs'
import { overRedis } from '../../redis/engine-suite'
import { findRedisPrograms } from '../../redis/redis'
import { FILES } from '../../two-servers/files'

describeWith('redis-server', 'the engine suite', () => {
  for (const program of findRedisPrograms()) overRedis({ program }, FILES.pusher)
})
