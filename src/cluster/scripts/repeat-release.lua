-- Forgets the key of a request that did not succeed. Arguments, after the app: the key, and the token of the claim.
local entry = key('repeat', name .. '/' .. ARGV[4])
local known = redis.call('GET', entry)
if not known then return 0 end
local _, rest = split(known)
if split(rest) ~= ARGV[5] then return 0 end
redis.call('DEL', entry)
redis.call('ZREM', key('repeats', name), ARGV[4])
return 1
