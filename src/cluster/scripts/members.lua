-- The members of a channel, as `scripts/enter.lua` writes them.
return redis.call('HGETALL', key('users', name))
