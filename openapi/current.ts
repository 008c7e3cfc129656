/** The document that the code in this checkout describes. */
import { join } from 'node:path'
import { systemClock } from '../src/clock'
import { readConfig } from '../src/config/config'
import { loadConfigFile } from '../src/config/config-file'
import { createLog } from '../src/log'
import { createServer } from '../src/server'

export const DOCUMENT_FILE = join(import.meta.dir, 'openapi.json')

export async function currentDocument(): Promise<object> {
  const config = readConfig({ PORT: '0', DATABASE_PATH: ':memory:' })
  const { plugins } = await loadConfigFile('carillon.config.ts', join(import.meta.dir, '..'))
  const { log } = await createLog('silent')
  const server = await createServer({ config, clock: systemClock, log, plugins })
  try {
    const request = new Request('http://localhost/swagger/json')
    return await (await server.api.fetch(request)).json()
  } finally {
    await server.stop()
  }
}
