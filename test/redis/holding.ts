/**
 * Holds back what servers of this process tell Redis of seats, counts and events. They listen to channels meanwhile; what
 * they say behind that on the same connection waits, too.
 */
import type { Command, Redis } from 'ioredis'
import { waitUntil } from '../parts'
import type { Hold } from '../two-servers/bus'
import { hashesOf, runs, watchCommands } from './commands'

const HELD = hashesOf('enter', 'exit', 'count', 'publish', 'keep', 'order')
const ENTER = hashesOf('enter')

/** `next` is done once somebody waits for a seat. */
export function holdCommands(): Hold {
  const held: { readonly redis: Redis; readonly command: Command }[] = []
  const end = watchCommands((command, redis) => {
    if (!runs(HELD, command) && !held.some((other) => other.redis === redis)) return true
    held.push({ redis, command })
    return false
  })
  return {
    next: () =>
      waitUntil('a seat is asked for', () => held.some(({ command }) => runs(ENTER, command))),
    release: () => {
      end()
      for (const { redis, command } of held) void redis.sendCommand(command)
    },
  }
}
