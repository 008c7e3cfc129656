/** A link to a Redis Cluster: places on several masters, slots that move, a master that goes. */
import { expect, test } from 'bun:test'
import { newScript } from '../../../src/cluster/script'
import { slotOf } from '../../../src/cluster/slots'
import { openTestLink } from '../../redis/link'
import { startRedis, type TestRedis } from '../../redis/redis'
import { describeWith } from '../programs'

/** Writes its first argument down, says it, and gives how many are written. */
const NOTE = newScript(
  'note',
  "say('bus:a', ARGV[1]) return redis.call('RPUSH', prefix .. 'notes', ARGV[1])",
)
const READ = newScript('read', "return redis.call('LRANGE', prefix .. 'notes', 0, -1)")

const PLACES = Array.from({ length: 64 }, (_, index) => String(index))

const clusterUrl = ({ ports }: TestRedis): string =>
  `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`

/** Which of the masters have the place, by its own word. */
async function ownerOf({ processes }: TestRedis, place: string): Promise<number> {
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

/** Moves a slot as `redis-cli --cluster reshard` does: keys one by one, then the word to everybody. */
async function moveSlot({ processes }: TestRedis, place: string, from: number, to: number) {
  const slot = String(slotOf(place))
  const [source, target] = [processes[from]!, processes[to]!]
  const [sourceId, targetId] = [
    await source.cli('cluster', 'myid'),
    await target.cli('cluster', 'myid'),
  ]
  await target.cli('cluster', 'setslot', slot, 'importing', sourceId)
  await source.cli('cluster', 'setslot', slot, 'migrating', targetId)
  const keys = (await source.cli('cluster', 'getkeysinslot', slot, '100'))
    .split('\n')
    .filter(Boolean)
  for (const key of keys)
    await source.cli('migrate', '127.0.0.1', String(target.port), key, '0', '5000')
  await target.cli('cluster', 'setslot', slot, 'node', targetId)
  await source.cli('cluster', 'setslot', slot, 'node', targetId)
}

describeWith('redis-server', 'a link to a Cluster', () => {
  test('every place has its master, and its bus is heard', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(clusterUrl(redis))
    await Promise.all(PLACES.map((place) => link.subscribe(`{${place}}:bus:a`)))
    expect(await Promise.all(PLACES.map((place) => link.run(NOTE, place, [place])))).toEqual(
      PLACES.map(() => 1),
    )
    for (const place of PLACES) await link.hear(`{${place}}:bus:a`, place)
    expect(link.heard.length).toBe(PLACES.length)
    expect(new Set(PLACES.map((place) => link.life(place)?.id)).size).toBe(3)
  })

  test('a slot that moves under load loses no command, and none comes before an earlier one', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(clusterUrl(redis))
    const [place] = ['7']
    await link.subscribe('{7}:bus:a')
    const from = await ownerOf(redis, place!)
    const to = (from + 1) % 3
    const sent: string[] = []
    const answers: Promise<unknown>[] = []
    let isMoving = true
    let waiting = 0
    const load = async (): Promise<void> => {
      while (isMoving) {
        for (let each = 0; each < 10 && waiting < 500; each++) {
          sent.push(`note ${sent.length}`)
          waiting++
          answers.push(link.run(NOTE, place!, [sent.at(-1)!]).finally(() => waiting--))
        }
        await new Promise(setImmediate)
      }
    }
    const loading = load()
    await moveSlot(redis, place!, from, to)
    await moveSlot(redis, place!, to, from)
    await moveSlot(redis, place!, from, to)
    isMoving = false
    await loading
    expect(await Promise.all(answers)).toEqual(sent.map((_, index) => index + 1))
    expect(await link.run(READ, place!, [])).toEqual(sent)
    await link.waitFor('deaf')
    await link.run(NOTE, place!, ['after'])
    await link.hear('{7}:bus:a', 'after')
    expect(await ownerOf(redis, place!)).toBe(to)
  })

  test('a master that ends takes its places along, and no others', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(clusterUrl(redis))
    const owners = await Promise.all(PLACES.map((place) => ownerOf(redis, place)))
    const lost = PLACES.filter((_, index) => owners[index] === 1)
    await redis.cli('config', 'set', 'cluster-require-full-coverage', 'no')
    await redis.at(2).cli('config', 'set', 'cluster-require-full-coverage', 'no')
    await redis.stop(1)
    await link.waitFor('lost')
    expect(PLACES.filter((place) => !link.isPlaceUp(place))).toEqual(lost)
    const outcomes = await Promise.allSettled(PLACES.map((place) => link.run(NOTE, place, [place])))
    const refused = PLACES.filter((_, index) => outcomes[index]!.status === 'rejected')
    expect(refused).toEqual(lost)
    expect(link.readiness.parts()).toEqual(['redis'])
    await redis.start(1)
    await link.waitFor('connected')
    // A master that has just started waits for the others before it serves.
    const again = () => link.run(NOTE, lost[0]!, ['again']).catch(() => undefined)
    while ((await again()) === undefined);
    expect(link.readiness.parts()).toEqual([])
  })
})
