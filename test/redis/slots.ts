/** Slots of a Redis Cluster: who has one, and how it is moved. */
import { slotOf } from '../../src/cluster/link/slots'
import type { TestRedis } from './redis'

/** Which of the masters has the slot of a place, by the word of one that is up. */
export async function ownerOf({ processes }: TestRedis, place: string): Promise<number> {
  const slot = slotOf(place)
  const nodes = (await processes[0]!.cli('cluster', 'nodes')).split('\n')
  const owner = nodes.find((line) =>
    line
      .split(' ')
      .slice(8)
      .some((range) => {
        const [from = NaN, until = from] = range.split('-').map(Number)
        return from <= slot && slot <= until
      }),
  )
  return processes.findIndex(({ port }) => owner?.includes(`:${port}@`))
}

/** Masters of a busy machine may hear of each other too late for a moment: nothing was moved then, and it is tried again. */
function ignoreDown(cause: unknown): void {
  if (!String(cause).includes('CLUSTERDOWN')) throw cause
}

/** Moves the slot of a place as `redis-cli --cluster reshard` does: its keys, then the word to everybody. */
export async function moveSlot(redis: TestRedis, place: string, to: number): Promise<void> {
  const from = await ownerOf(redis, place)
  if (from === to) return
  const slot = String(slotOf(place))
  const [source, target] = [redis.at(from), redis.at(to)]
  const sourceId = await source.cli('cluster', 'myid')
  const targetId = await target.cli('cluster', 'myid')
  await target.cli('cluster', 'setslot', slot, 'importing', sourceId)
  await source.cli('cluster', 'setslot', slot, 'migrating', targetId)
  for (;;) {
    const some = await source.cli('cluster', 'getkeysinslot', slot, '50')
    const keys = some.split('\n').filter(Boolean)
    if (keys.length === 0) break
    const port = String(target.port)
    await source
      .cli('migrate', '127.0.0.1', port, '', '0', '5000', 'keys', ...keys)
      .catch(ignoreDown)
  }
  await target.cli('cluster', 'setslot', slot, 'node', targetId)
  await source.cli('cluster', 'setslot', slot, 'node', targetId)
}
