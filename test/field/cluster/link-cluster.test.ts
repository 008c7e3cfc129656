/** A link to a Redis Cluster: places on several masters, slots that move, a master that goes. */
import { expect, test } from 'bun:test'
import { findFreePort } from '../../../bench/lib/processes'
import { newScript } from '../../../src/cluster/link/script'
import { slotOf } from '../../../src/cluster/link/slots'
import { watchCommands } from '../../redis/commands'
import { openTestLink } from '../../redis/link'
import { findRedisPrograms, startRedis } from '../../redis/redis'
import { RedisProcess } from '../../redis/redis-process'
import { moveSlot, ownerOf } from '../../redis/slots'
import { describeWith } from '../programs'
import { nextLook, waitUntil } from '../../harness'

/** Writes its first argument down, says it, and gives how many are written. */
const NOTE = newScript(
  'note',
  "say('bus:a', ARGV[1]) return redis.call('RPUSH', prefix .. 'notes', ARGV[1])",
)
const READ = newScript('read', "return redis.call('LRANGE', prefix .. 'notes', 0, -1)")

/** Has a master give up the buses of a slot, and take it again at once. */
const GIVE_UP = `
for _, verb in ipairs({ 'delslots', 'addslots' }) do redis.call('cluster', verb, ARGV[1]) end`

const PLACES = Array.from({ length: 64 }, (_, index) => String(index))

/** True for a node that is connected to all four. */
async function knowsAll(node: RedisProcess): Promise<boolean> {
  const lines = (await node.cli('cluster', 'nodes')).split('\n')
  const isKnown = (line: string): boolean =>
    / connected\b/.test(line) && !/handshake|noaddr/.test(line)
  return lines.length === 4 && lines.every(isKnown)
}

describeWith('redis-server', 'a link to a Cluster', () => {
  test('every place has its master, and a slot that moves under load keeps the order', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(redis.url)
    await Promise.all(PLACES.map((place) => link.subscribe(`{${place}}:bus:a`)))
    await Promise.all(PLACES.map((place) => link.run(NOTE, place, [place])))
    for (const place of PLACES) await link.hear(`{${place}}:bus:a`, place)
    expect(link.heard.length).toBe(PLACES.length)
    expect(new Set(PLACES.map((place) => link.life(place)?.id)).size).toBe(3)
    const place = '7'
    const from = await ownerOf(redis, place)
    const to = (from + 1) % 3
    const sent = [place]
    const answers: Promise<unknown>[] = []
    let isMoving = true
    let waiting = 0
    const load = async (): Promise<void> => {
      while (isMoving) {
        for (let each = 0; each < 10 && waiting < 500; each++) {
          sent.push(`note ${sent.length}`)
          waiting++
          answers.push(link.run(NOTE, place, [sent.at(-1)!]).finally(() => waiting--))
        }
        await new Promise(setImmediate)
      }
    }
    const loading = load()
    await moveSlot(redis, place, to)
    await moveSlot(redis, place, from)
    await moveSlot(redis, place, to)
    isMoving = false
    await loading
    expect(await Promise.all(answers)).toEqual(sent.slice(1).map((_, index) => index + 2))
    expect(await link.run(READ, place, [])).toEqual(sent)
    await link.waitFor('deaf')
    await link.run(NOTE, place, ['after'])
    await link.hear('{7}:bus:a', 'after')
    expect(await ownerOf(redis, place)).toBe(to)
    // Away and back: the server has given up the bus, though nothing has moved in the end.
    await moveSlot(redis, place, from)
    await moveSlot(redis, place, to)
    await link.waitFor('deaf')
    await link.run(NOTE, place, ['again'])
    await link.hear('{7}:bus:a', 'again')
  })

  test('what was in doubt is known to be heard also where the connection is lost meanwhile', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(redis.url)
    const bus = '{7}:bus:a'
    await link.subscribe(bus)
    const from = await ownerOf(redis, '7')
    let hasLost = false
    const stop = watchCommands(({ name, args }, connection) => {
      if (hasLost || name !== 'ssubscribe' || !String(args).includes(bus)) return
      hasLost = true
      connection.disconnect()
    })
    try {
      await redis.at(from).cli('eval', GIVE_UP, '0', String(slotOf('7')))
      await waitUntil('it is lost', () => hasLost)
      await link.waitFor('deaf')
      const since = performance.now()
      await waitUntil('it is heard', () => link.heardUntil(bus) >= since)
    } finally {
      stop()
    }
  })

  test('a master that ends takes its places along, and no others', async () => {
    await using redis = await startRedis({ cluster: 3 })
    await using link = await openTestLink(redis.url)
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
    while ((await again()) === undefined) await nextLook()
    expect(link.readiness.parts()).toEqual([])
  })

  test('a replica that takes over has the places of its master', async () => {
    await using redis = await startRedis({ cluster: 3 })
    const place = PLACES.find((each) => slotOf(each) < 5000)!
    const bus = findFreePort()
    const lines = ['cluster-enabled yes', `cluster-port ${bus}`, 'cluster-node-timeout 1000']
    await using replica = new RedisProcess({ program: findRedisPrograms()[0]!, lines })
    await replica.start()
    await redis.cli('cluster', 'meet', '127.0.0.1', String(replica.port), String(bus))
    const id = await redis.cli('cluster', 'myid')
    while (!(await replica.cli('cluster', 'nodes')).includes(id)) await nextLook()
    await replica.cli('cluster', 'replicate', id)
    await using link = await openTestLink(redis.url)
    await link.subscribe(`{${place}}:bus:a`)
    expect(await link.run(NOTE, place, ['before'])).toBe(1)
    while (!(await replica.cli('info', 'replication')).includes('master_link_status:up'))
      await nextLook()
    while (!(await replica.cli('info', 'keyspace')).includes('keys=')) await nextLook()
    for (const each of [...redis.processes, replica])
      while (!(await knowsAll(each))) await nextLook()
    await redis.stop()
    await link.waitFor('lost')
    // Without a vote, which takes as long as it likes on a busy machine.
    await replica.cli('cluster', 'failover', 'takeover')
    await link.waitFor('connected')
    await link.waitFor('deaf')
    while ((await link.run(NOTE, place, ['after']).catch(() => 0)) === 0) await nextLook()
    await link.hear(`{${place}}:bus:a`, 'after')
    expect(link.trouble).toBeUndefined()
    expect(link.lines).toEqual(['error redis: away', 'info redis: back'])
  })
})
