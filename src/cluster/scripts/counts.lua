-- Subscriptions and members of a channel.
return { tonumber(redis.call('HGET', key('channel', name), 'total') or 0), redis.call('HLEN', key('users', name)) }
