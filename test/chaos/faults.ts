/** FAULTS: what goes wrong in a run. Each heals by itself, and is done when it has. */
import { nextLook } from '../harness'
import type { NodeProcess } from '../redis/nodes'
import type { Proxy } from '../redis/proxy'
import type { TestRedis } from '../redis/redis'
import { moveSlot } from '../redis/slots'
import type { Recorder } from './recorder'

export type Scene = {
  readonly redis: TestRedis
  readonly recorder: Recorder
  /** Of the run's seed. */
  readonly random: () => number
}

/** A node, and its way to Redis. */
export type Place = { readonly node: NodeProcess; readonly way: Proxy }

type NodeFault = (place: Place) => Promise<void>

/** Longer than a lease, and a beat. */
const PAST_LEASE_MS = 9000

/** Those of one node. */
export const NODE_FAULTS: Readonly<Record<string, NodeFault>> = {
  async 'kill -9'({ node }) {
    await node.kill()
    await Bun.sleep(500)
    await node.start()
  },
  async 'kill -9, long gone'({ node }) {
    await node.kill()
    await Bun.sleep(PAST_LEASE_MS)
    await node.start()
  },
  async 'a goodbye'({ node }) {
    await node.leave()
    await node.start()
  },
  async 'a pause past the lease'({ node }) {
    node.pause()
    await Bun.sleep(PAST_LEASE_MS)
    node.resume()
  },
  async 'a short pause'({ node }) {
    node.pause()
    await Bun.sleep(2000)
    node.resume()
  },
  async 'a cut'({ way }) {
    await way.cut()
    await Bun.sleep(2000)
    await way.heal()
  },
  async 'a cut past the lease'({ way }) {
    await way.cut()
    await Bun.sleep(PAST_LEASE_MS)
    await way.heal()
  },
  async 'a stall'({ way }) {
    way.stall()
    await Bun.sleep(3000)
    await way.heal()
  },
  async 'a stall past the lease'({ way }) {
    way.stall()
    await Bun.sleep(PAST_LEASE_MS)
    await way.heal()
  },
  async 'a slow way'({ way }) {
    way.delay(40)
    await Bun.sleep(3000)
    await way.heal()
  },
  async 'a reset'({ way }) {
    way.reset()
    await Bun.sleep(500)
  },
}

type RedisFault = (scene: Scene) => Promise<void>

/** Those of Redis, for all nodes at once. */
export const REDIS_FAULTS: Readonly<Record<string, RedisFault>> = {
  async 'CLIENT KILL pubsub'({ redis }) {
    await redis.cli('client', 'kill', 'type', 'pubsub')
  },
  async 'CLIENT KILL normal'({ redis }) {
    await redis.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes')
  },
  async 'DEBUG SLEEP'({ redis }) {
    await redis.cli('debug', 'sleep', '1.5')
  },
  async 'a restart with data'({ redis }) {
    await redis.restart({ keepData: true })
  },
  async 'a restart without data'({ redis, recorder }) {
    await redis.restart({ keepData: false })
    recorder.write({ type: 'redis_lost_data' })
  },
  async 'Redis stands still'({ redis }) {
    redis.pause()
    await Bun.sleep(4000)
    redis.resume()
  },
}

const any = ({ random }: Scene, count: number): number => Math.floor(random() * count)
const anyMaster = (scene: Scene): number => any(scene, scene.redis.processes.length)

/** Those of one of the masters of a Cluster, or between two. */
export const CLUSTER_FAULTS: Readonly<Record<string, RedisFault>> = {
  async 'slots that move'(scene) {
    const { redis } = scene
    for (let each = 0; each < 4; each++)
      await moveSlot(redis, String(any(scene, 64)), anyMaster(scene))
  },
  async 'CLIENT KILL pubsub'(scene) {
    const { redis } = scene
    await redis.at(anyMaster(scene)).cli('client', 'kill', 'type', 'pubsub')
  },
  async 'CLIENT KILL normal'(scene) {
    const { redis } = scene
    await redis.at(anyMaster(scene)).cli('client', 'kill', 'type', 'normal')
  },
  async 'a master restarts'(scene) {
    const { redis } = scene
    const index = anyMaster(scene)
    await redis.restart({ keepData: true }, index)
    const process = redis.at(index)
    while (!(await process.cli('cluster', 'info')).includes('cluster_state:ok')) await nextLook()
  },
  async 'a master stands still'(scene) {
    const { redis } = scene
    const index = anyMaster(scene)
    redis.pause(index)
    await Bun.sleep(4000)
    redis.resume(index)
    const process = redis.at(index)
    while (!(await process.cli('cluster', 'info')).includes('cluster_state:ok')) await nextLook()
  },
}

/** Of nodes, where nobody stands between them and the masters. */
export const WAYLESS = /kill|goodbye|pause/
