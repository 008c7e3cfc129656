/** The start: a server, or the parent of several, as the settings say. A parent loads nothing of a server. */
import { SETTINGS } from './config/config'
import type { ServeOptions } from './serve'
import { fail, readSettings } from './start-settings'

/** Resolves when it listens; exits and prints what is wrong. */
export async function start(options: ServeOptions = {}): Promise<void> {
  if (options.worker !== undefined) return (await import('./serve')).serve(options)
  const config = readSettings()
  if (config.workers === 1) return (await import('./serve')).serve(options)
  if (options.takesOver === true)
    fail(
      `takeover: ${SETTINGS.workers.env}=${config.workers} makes several processes; send SIGUSR2 to their parent, which replaces one after the other`,
    )
  await (await import('./workers/parent')).superviseWorkers(config)
}
