/** Channels in Redis without a server: seats, hearers and messages by the scripts that nodes run. */
import { systemClock } from '../../src/clock'
import { openLink, type Link, type LinkEvents } from '../../src/cluster/link/link'
import { busOf, partitionOf } from '../../src/cluster/names'
import { SCRIPTS } from '../../src/cluster/scripts'
import { readRedisUrl } from '../../src/config/redis-url'
import { Readiness } from '../../src/core/readiness'

/** Commands that wait for an answer at once. */
const AT_ONCE = 500
const NODE = 'bench.0'
const LEASE_MS = 600_000
const silent = () => undefined
const LOG = { debug: silent, info: silent, warn: silent, error: silent }

const EVENTS: LinkEvents = { message: silent, connected: silent, lost: silent, deaf: silent }

const open = (url: string): Promise<Link> =>
  openLink(
    {
      target: readRedisUrl(url)!,
      tls: () => ({ ca: undefined, cert: undefined, key: undefined, serverName: undefined }),
      sentinelPassword: undefined,
      cluster: 'bench',
      nodeName: 'bench',
      scripts: Object.values(SCRIPTS),
      versions: { reads: 1, writes: 1 },
      clock: systemClock,
      log: LOG,
      readiness: new Readiness(),
    },
    EVENTS,
  )

/** Runs something so often, some at once. */
async function repeat(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => run(from + index)),
    )
}

export async function newChannels(url: string) {
  const link = await open(url)
  const hearers: Link[] = []
  const on = (
    script: (typeof SCRIPTS)[keyof typeof SCRIPTS],
    name: string,
    ...args: (string | number)[]
  ) => link.run(script, String(partitionOf(name)), [NODE, name, 'nonce0000000', ...args])
  const member = (id: number) =>
    JSON.stringify({ userId: String(id), userIdJson: `"${id}"`, userInfo: '{"name":"Somebody"}' })
  // A lease in every partition.
  await repeat(64, (partition) =>
    link.run(SCRIPTS.beat, String(partition), [
      NODE,
      '',
      'nonce0000000',
      LEASE_MS,
      100,
      1,
      0,
      0,
      '',
    ]),
  )
  return {
    /** Takes so many seats of presence channels. */
    seat: (count: number, perChannel: number) =>
      repeat(count, (index) => {
        const meta = { id: `${index}`, since: 1_700_000_000_000, userInfo: '{"name":"Somebody"}' }
        const name = `1/presence-${Math.floor(index / perChannel)}`
        const socket = `${1_000_000_000 + index}.${2_000_000_000 + index}`
        return on(
          SCRIPTS.enter,
          name,
          socket,
          String(index),
          member(index),
          JSON.stringify(meta),
          -1,
          0,
        )
      }),
    /** Hears so many channels, with one subscription each. */
    listen: (count: number) => repeat(count, (index) => on(SCRIPTS.count, `1/room-${index}`, 1, 0)),
    /** Has so many connections hear the channel `room`. */
    async hear(count: number): Promise<void> {
      if (hearers.length === 0) await on(SCRIPTS.count, '1/room', 1, 0)
      while (hearers.length < count) {
        const hearer = await open(url)
        await hearer.subscribe(busOf('1/room'))
        hearers.push(hearer)
      }
    },
    publish: (count: number) =>
      repeat(count, () =>
        on(SCRIPTS.publish, '1/room', 'e', ',"event",null,null', JSON.stringify('x'.repeat(150))),
      ),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const each of [link, ...hearers]) await each.close()
    },
  }
}

export type Channels = Awaited<ReturnType<typeof newChannels>>
