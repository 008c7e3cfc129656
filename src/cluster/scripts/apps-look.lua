-- Looks at the table, which is begun where there is none. A node that has more than the table says so: the one that
-- has the most may fill it, when all have had the time to say it.
-- Arguments: the life and the number that the node has, and how long a beat is.
-- Returns life, number and origin of the table, and FILL, WAIT or nothing.
local known_life, known, beat = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local life, rev, origin = state()
if life == '' then
  life, origin = nonce, nonce
  redis.call('HSET', TABLE, 'life', life, 'origin', origin, 'rev', 0, 'born', milliseconds())
end
if known == 0 or not (rev == 0 or (life == known_life and known > rev)) then return { life, rev, origin, '' } end
local now = milliseconds()
local mirrors, seen = prefix .. 'mirrors', prefix .. 'mirrors-seen'
redis.call('SET', prefix .. 'short-since', now, 'NX')
redis.call('ZADD', mirrors, known, node)
redis.call('HSET', seen, node, now)
for _, name in ipairs({ mirrors, seen, prefix .. 'short-since' }) do redis.call('PEXPIRE', name, beat * 5) end
if now - tonumber(redis.call('GET', prefix .. 'short-since')) < beat then return { life, rev, origin, 'WAIT' } end
for _, other in ipairs(redis.call('ZREVRANGE', mirrors, 0, -1)) do
  if other == node then
    redis.call('SET', prefix .. 'filler', node, 'NX', 'PX', beat * 5)
    if redis.call('GET', prefix .. 'filler') == node then return { life, rev, origin, 'FILL' } end
    break
  end
  if tonumber(redis.call('HGET', seen, other) or 0) > now - beat * 2 then break end
end
return { life, rev, origin, 'WAIT' }
