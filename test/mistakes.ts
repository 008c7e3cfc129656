/** Finds the mistakes in an environment, one line each. */
import { readConfig, type ConfigError } from '../src/config/config'

export function findMistakes(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (refused) {
    return (refused as ConfigError).mistakes
  }
}
