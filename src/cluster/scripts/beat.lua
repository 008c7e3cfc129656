-- Renews the lease of a node in a partition, and ends some of what nodes held there whose lease is over.
-- Arguments: how long the lease is (0 for a node that leaves), how many seats at most, 1 where the node is new, how long
-- departures wait, 1 where the node writes no facts down, since it is about to leave, and which life it knows.
-- Returns EXPIRED or OK, whether there is more to end, which life of the keys it is; the writer of the partition's
-- facts (empty for none), how many nodes may be it, and whether there is something to write.
local lease, most, is_new, settle, rests = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7], ARGV[8] == '1'
local now = milliseconds()
local leases = prefix .. 'leases'
redis.call('SETNX', prefix .. 'life', nonce)
local life = redis.call('GET', prefix .. 'life')
-- Redis has lost what this node knows: for the time of a lease all say again what they have, which is no news.
if ARGV[9] ~= '' and ARGV[9] ~= life then
  local returning = redis.call('GET', prefix .. 'returning') or ''
  if string.sub(returning, 1, #life + 1) ~= life .. ' ' then
    redis.call('SET', prefix .. 'returning', life .. ' ' .. now + lease)
  end
end
-- Who has written the streams: after a start of Redis, or a failover, they may lack their last events.
redis.call('SET', prefix .. 'origin', string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '')
-- Nobody could renew a lease for so long: it was not the nodes that were away.
local before = tonumber(redis.call('GET', prefix .. 'beat') or now)
redis.call('SET', prefix .. 'beat', now)
if now - before > lease and lease > 0 then
  for _, other in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    redis.call('ZADD', leases, now + lease, other)
  end
end
if lease > 0 and not is_new and not is_alive() then return { 'EXPIRED', 0, life, '', 0, 0 } end
redis.call('ZADD', leases, now + lease, node)
redis.call('SET', prefix .. 'settle', settle)
local resting, writer = prefix .. 'resting', prefix .. 'writer'
redis.call('ZREMRANGEBYSCORE', resting, '-inf', now)
if rests and lease > 0 then redis.call('ZADD', resting, now + lease, node) else redis.call('ZREM', resting, node) end
local holder = redis.call('GET', writer)
if holder and not is_alive(holder) then -- it may be this one, which leaves
  redis.call('DEL', writer)
  holder = false
end

local function answer(has_more)
  local due_in = settle_due()
  local nodes = redis.call('ZCOUNT', leases, '(' .. now, '+inf') - redis.call('ZCARD', resting)
  local has_facts = due_in == 0 or redis.call('XLEN', prefix .. 'facts') > 0
  return { 'OK', has_more, life, holder or '', nodes, has_facts and 1 or 0 }
end

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 10)) do
  -- A scan from the beginning would find nothing any more once many were ended there.
  for _, field in ipairs(redis.call('HRANDFIELD', key('node', dead), most)) do
    local space = string.find(field, ' ', 1, true)
    local kind, socket, channel = string.sub(field, 1, 1), string.sub(field, 2, space - 1), string.sub(field, space + 1)
    if kind == 'c' then
      set_count(channel, dead, nil)
    elseif not leave(channel, socket, dead) then
      redis.call('HDEL', key('node', dead), field)
    end
    most = most - 1
  end
  if redis.call('EXISTS', key('node', dead)) == 0 then redis.call('ZREM', leases, dead) end
  if most <= 0 then return answer(1) end
end
return answer(0)
