/** What is wrong with an environment, line by line. */
import { readConfig, type ConfigError } from '../src/config/config'

export function mistakes(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (refused) {
    return (refused as ConfigError).mistakes
  }
}
