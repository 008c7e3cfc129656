/**
 * Time that passes for what servers keep in Redis, which has a clock of its own: all that it keeps for a while becomes
 * older. Leases, seats and counts stay as they are: those are renewed by the real time.
 */
import type { Redis } from 'ioredis'

/** Arguments: the name that servers have together, and milliseconds. */
const AGE = `
  local by = tonumber(ARGV[2])

  -- Those of a stream have their time in themselves (\`scripts/streams.lua\`).
  local function age_entries(key)
    local entries = redis.call('XRANGE', key, '-', '+')
    redis.call('DEL', key)
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      local at, rest = string.match(fields[2], '^(%d+)( .*)$')
      redis.call('XADD', key, entry[1], fields[1], string.format('%d', at - by) .. rest, unpack(fields, 3))
    end
  end

  local function age(key, kind)
    local left = redis.call('PTTL', key)
    if left < 0 then return end
    if left <= by then return redis.call('DEL', key) end
    if kind == 'history' then age_entries(key) end
    if kind == 'lasts' or kind == 'repeats' then
      for _, name in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -by, name) end
    end
    redis.call('PEXPIRE', key, left - by)
  end

  for _, kind in ipairs({ 'last', 'lasts', 'once', 'history', 'channel', 'claim', 'repeat', 'repeats' }) do
    for _, key in ipairs(redis.call('KEYS', 'carillon:' .. ARGV[1] .. ':{*}:' .. kind .. ':*')) do age(key, kind) end
  end`

/** Done when it has passed on each of them. */
export async function age(clients: readonly Redis[], cluster: string, ms: number): Promise<void> {
  await Promise.all(clients.map((client) => client.eval(AGE, 0, cluster, ms)))
}
