/** Whether the Redis of the settings can be used: `carillon doctor` connects to it as a server would. */
import { systemClock } from '../clock'
import type { Config } from '../config/config'
import type { Finding } from './findings'

/** Nothing where the settings name none. */
export async function checkRedis(config: Config): Promise<readonly Finding[]> {
  const check = 'redis'
  if (config.redisUrl === undefined) return []
  const { lookAtRedis } = await import('../cluster/link/link-settings')
  const { trouble, warnings } = await lookAtRedis(config, config.redisUrl, systemClock)
  const found = warnings.map((about) => ({ state: 'warn', check, about }) as const)
  if (trouble !== undefined)
    return [...found, { state: 'fail', check, about: `CARILLON_REDIS_URL: ${trouble}` }]
  const about = `there, with the rights that servers of the cluster "${config.cluster}" need to begin`
  return [...found, { state: 'ok', check, about }]
}
