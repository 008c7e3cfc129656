/**
 * Some of the engine suite again, over two nodes on a Redis Cluster of three masters. All of it takes minutes:
 * `CARILLON_TEST_CLUSTER=all bun test --timeout 120000 engine-on-cluster`.
 */
import { ALL_FILES, overRedis } from '../../redis/engine-suite'
import { describeWith } from '../programs'

/** A few of each kind: what they test is the same, and what is below them is tested by `link-cluster.test.ts`. */
const SOME = [
  'http/batch-events',
  'http/admin-keys',
  'protocols/phoenix-gates',
  'protocols/pusher-watchlists',
]

const areAllMeant = process.env['CARILLON_TEST_CLUSTER'] === 'all'

describeWith('redis-server', 'the engine on a Cluster', () => {
  overRedis({ cluster: 3 }, areAllMeant ? ALL_FILES : SOME)
})
