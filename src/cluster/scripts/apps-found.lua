-- Whether a node may make the first app and the first admin. Not before all that have some have had the time to say so,
-- and one node at a time. Argument: how long a beat is. Returns 1 or 0.
local born = tonumber(redis.call('HGET', TABLE, 'born') or milliseconds())
if redis.call('EXISTS', prefix .. 'mirrors') == 1 or milliseconds() - born < tonumber(ARGV[4]) then return 0 end
local founder = prefix .. 'founder'
if redis.call('GET', founder) == node then return 1 end
return redis.call('SET', founder, node, 'NX', 'PX', 30000) and 1 or 0
