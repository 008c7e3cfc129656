/** How a server comes to its database: it is free, or becomes free, or the process that has it hands it over. */
import { claimDatabase, type StandbyOptions } from '../standby'
import { Lock } from './estate'
import { askForPlace, checkTakeover, type Succession } from './succession'

export type Claim = {
  readonly lock: Lock
  /** Undefined where no other process hands it over. */
  readonly succession: Succession | undefined
  /** Frees the port for the server. */
  readonly makeWay: () => Promise<void>
}

const HINT = 'it has no door for a takeover: it is of an older version, or its log says why'

/**
 * Where no server runs, one that is to take over starts as any other.
 * @throws StoreError, for a database in use, or where the server that has it refuses
 */
export async function claim(options: StandbyOptions, takesOver: boolean): Promise<Claim> {
  if (takesOver) checkTakeover(options.config)
  const succession = takesOver ? await askForPlace(options) : undefined
  if (succession) {
    const lock = new Lock(() => succession.release())
    return { lock, succession, makeWay: async () => undefined }
  }
  const { release, makeWay } = await claimDatabase(takesOver ? { ...options, hint: HINT } : options)
  if (takesOver) options.log.info({}, 'no server to take the place of: starts as usual')
  return { lock: new Lock(release), succession, makeWay }
}
