/** The settings of a link, and a look at the Redis that they lead to. */
import { nodeNameOf } from '../../config/cluster-settings'
import type { Config } from '../../config/config'
import { readRedisUrl } from '../../config/redis-url'
import { messageOf } from '../../core/errors'
import { Readiness } from '../../core/readiness'
import type { Clock, Log } from '../../core/types'
import { openLink, type LinkOptions } from './link'
import { readRedisTls } from './tls-files'
import { VERSION } from '../wire'

/** A link as the settings say, without scripts. */
export const linkOptionsOf = (
  config: Config,
  url: string,
  { clock, log, readiness }: Pick<LinkOptions, 'clock' | 'log' | 'readiness'>,
): LinkOptions => ({
  target: readRedisUrl(url)!,
  tls: () => readRedisTls(config),
  sentinelPassword: config.sentinelPassword,
  cluster: config.cluster,
  nodeName: nodeNameOf(config),
  scripts: [],
  versions: { reads: VERSION, writes: VERSION },
  clock,
  log,
  readiness,
})

export type RedisLook = {
  /** Why it cannot be used, for people; undefined where it can. */
  readonly trouble: string | undefined
  readonly warnings: readonly string[]
}

/** Connects once, as a server would, and looks. Never throws. */
export async function lookAtRedis(config: Config, url: string, clock: Clock): Promise<RedisLook> {
  try {
    const options = linkOptionsOf(config, url, { clock, log: NO_LOG, readiness: new Readiness() })
    const link = await openLink(options, NO_EVENTS)
    const { trouble, warnings } = link
    await link.close()
    return { trouble, warnings }
  } catch (cause) {
    return { trouble: messageOf(cause), warnings: [] }
  }
}

const nothing = (): void => undefined
/** For a link that says nothing. */
export const NO_LOG: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const NO_EVENTS = { message: nothing, connected: nothing, lost: nothing, deaf: nothing }
