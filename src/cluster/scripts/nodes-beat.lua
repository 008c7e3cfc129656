-- A node is there. Its lease among the nodes is renewed, and those are forgotten whose lease is over.
-- Arguments: how long the lease is, the message that says it, and the node's card where that is to be written.
-- Returns 1 where the card is there, and 0 where Redis has lost it.
local lease, beat, card = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local now = milliseconds()
local leases = prefix .. 'leases'
-- Nobody could renew a lease for so long: it was not the nodes that were away.
local before = tonumber(redis.call('GET', prefix .. 'beat') or now)
redis.call('SET', prefix .. 'beat', now)
if now - before > lease then
  for _, other in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    redis.call('ZADD', leases, now + lease, other)
  end
end
redis.call('ZADD', leases, now + lease, node)
if card ~= '' then redis.call('HSET', prefix .. 'cards', node, card) end
redis.call('HSET', prefix .. 'beats', node, beat)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 10)) do
  redis.call('ZREM', leases, dead)
  redis.call('HDEL', prefix .. 'cards', dead)
  redis.call('HDEL', prefix .. 'beats', dead)
  redis.call('HDEL', prefix .. 'told', dead)
  redis.call('DEL', key('connections', dead), key('figures', dead))
  say('bus', '{"type":"gone","id":"' .. dead .. '"}')
end
say('bus', beat)
return redis.call('HEXISTS', prefix .. 'cards', node)
