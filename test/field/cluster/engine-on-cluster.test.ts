/** Some of the tests of `engine-suite.test.ts` again, over two nodes on a Redis Cluster of three masters. */
import { overRedis } from '../../redis/engine-suite'
import { describeWith } from '../programs'

/** A few of each kind: what they test is the same, and what is below them is tested by `link-cluster.test.ts`. */
const SOME = [
  'http/batch-events',
  'http/admin-keys',
  'protocols/phoenix-gates',
  'protocols/pusher-watchlists',
]

describeWith('redis-server', 'the engine on a Cluster', () => {
  overRedis({ cluster: 3 }, SOME)
})
