-- A node leaves: nobody waits for its lease.
redis.call('ZREM', prefix .. 'leases', node)
redis.call('HDEL', prefix .. 'cards', node)
redis.call('HDEL', prefix .. 'beats', node)
redis.call('HDEL', prefix .. 'told', node)
redis.call('DEL', key('connections', node), key('figures', node))
say('bus', '{"type":"gone","id":"' .. node .. '"}')
return 1
