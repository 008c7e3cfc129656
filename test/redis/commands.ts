/** What servers of this process say to Redis, as the client is given it. */
import { createHash } from 'node:crypto'
import { Redis, type Command } from 'ioredis'
import { SCRIPTS } from '../../src/cluster/scripts'
import { VERSION } from '../../src/cluster/wire'

type ScriptName = keyof typeof SCRIPTS

/** The hashes by which scripts are run, on a Cluster and elsewhere. */
export const hashesOf = (...names: readonly ScriptName[]): ReadonlySet<unknown> =>
  new Set(
    names.flatMap((name) =>
      ['PUBLISH', 'SPUBLISH'].map((speak) => {
        const text = `local SPEAK, VERSION = '${speak}', '${VERSION}'\n${SCRIPTS[name].text}`
        return createHash('sha1').update(text).digest('hex')
      }),
    ),
  )

export const runs = (hashes: ReadonlySet<unknown>, { name, args }: Command): boolean =>
  name === 'evalsha' && hashes.has(args[0])

/** Called with each command; it is sent now, unless that returns false. Returns what ends it. */
export function watchCommands(see: (command: Command, redis: Redis) => boolean | void): () => void {
  const { sendCommand } = Redis.prototype
  Redis.prototype.sendCommand = function (command, ...rest) {
    return see(command, this) === false ? command.promise : sendCommand.call(this, command, ...rest)
  }
  return () => void (Redis.prototype.sendCommand = sendCommand)
}
