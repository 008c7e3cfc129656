/**
 * What `--help` says of settings; docs/settings.md has all.
 */
import { SETTINGS } from './config/config'

const SHOWN = [
  'port',
  'host',
  'databasePath',
  'appId',
  'appKey',
  'appSecret',
  'adminUsername',
  'adminPassword',
  'configFile',
  'logLevel',
] as const satisfies readonly (keyof typeof SETTINGS)[]

/** A line for each. */
export const someSettings = (): string[] =>
  SHOWN.map((name) => `  ${SETTINGS[name].env.padEnd(24)} ${SETTINGS[name].about}`)
