-- What is known of a node: its card, its last beat, its connections by app and the number of the message that said
-- them; of all that have a lease only their ids.
-- Argument: the id, or nothing.
if ARGV[4] == '' then return redis.call('ZRANGE', prefix .. 'leases', 0, -1) end
return {
  redis.call('HGET', prefix .. 'cards', ARGV[4]) or '',
  redis.call('HGET', prefix .. 'beats', ARGV[4]) or '',
  redis.call('HGETALL', key('connections', ARGV[4])),
  redis.call('HGET', prefix .. 'told', ARGV[4]) or '0',
}
