/**
 * The engine suite: the tests that have two connections or two requests, over two nodes on one Redis, and on one Valkey
 * where that is installed. `CARILLON_TEST_REDIS=valkey-server` plays Valkey alone, and `engine-on-cluster.test.ts` plays
 * them on a Cluster. Those of Pusher have a file of their own, which another process plays meanwhile.
 */
import { describeWith } from '../programs'
import { overRedis } from '../../redis/engine-suite'
import { findRedisPrograms } from '../../redis/redis'
import { FILES } from '../../two-servers/files'

const { http, model, phoenix } = FILES

describeWith('redis-server', 'the engine suite', () => {
  for (const program of findRedisPrograms()) overRedis({ program }, [...http, ...model, ...phoenix])
})
