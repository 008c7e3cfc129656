/** A link of tests: what it was told, in order, and how to wait for it. */
import { systemClock } from '../../src/clock'
import { openLink, type LinkOptions } from '../../src/cluster/link/link'
import { readRedisUrl } from '../../src/config/redis-url'
import { Readiness } from '../../src/core/readiness'
import type { Log } from '../../src/core/types'
import { waitUntil } from '../harness'

type Told = 'connected' | 'lost' | 'deaf'

/** Opens a link. @throws RedisUnfit */
export async function openTestLink(url: string, options: Partial<LinkOptions> = {}) {
  const heard: string[] = []
  /** What came since it was waited for. */
  const told: Record<Told, (string | number)[]> = { connected: [], lost: [], deaf: [] }
  const lines: string[] = []
  const readiness = new Readiness()
  const write = (level: string) => (_: object, message: string) => {
    lines.push(`${level} ${message}`)
  }
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  const link = await openLink(
    {
      target: readRedisUrl(url)!,
      tls: () => ({ ca: undefined, cert: undefined, key: undefined, serverName: undefined }),
      sentinelPassword: undefined,
      cluster: 'tests',
      nodeName: 'tests',
      scripts: [],
      versions: { reads: 1, writes: 1 },
      clock: systemClock,
      log,
      readiness,
      ...options,
    },
    {
      message: (bus, text) => heard.push(`${bus} ${text}`),
      connected: () => told.connected.push(''),
      lost: (reason) => told.lost.push(reason),
      deaf: (ms) => told.deaf.push(ms),
    },
  )
  told.connected.length = 0
  return Object.assign(link, {
    heard,
    lines,
    readiness,
    hear: (bus: string, text: string) =>
      waitUntil(`${text} is heard`, () => heard.includes(`${bus} ${text}`)),
    /** Done when it has been told; what was told is then forgotten. */
    async waitFor(what: Told): Promise<string | number> {
      await waitUntil(`it is ${what}`, () => told[what].length > 0)
      return told[what].shift()!
    },
    [Symbol.asyncDispose]: () => link.close(),
  })
}
