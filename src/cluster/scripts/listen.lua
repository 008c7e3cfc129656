-- A node listens to a channel, or asks again what it has missed. Arguments: the epoch and number that it knows.
-- Returns epoch, number, seats, users, counts, the last event and the last order.
local known_epoch, known_rev = ARGV[4], tonumber(ARGV[5])
if not is_alive() then return { 'EXPIRED' } end
begin(name)
local home = key('channel', name)
local epoch, rev = unpack(redis.call('HMGET', home, 'epoch', 'rev'))
-- Redis has lost what it had numbered: the numbers that follow are others.
if epoch == known_epoch and tonumber(rev) < known_rev then
  epoch = nonce
  redis.call('HSET', home, 'epoch', epoch)
end
if redis.call('HSETNX', key('counts', name), node, 0) == 1 then
  redis.call('HSET', key('node', node), 'c ' .. name, '')
end
return {
  epoch,
  tonumber(rev),
  redis.call('HGETALL', key('seats', name)),
  redis.call('HGETALL', key('users', name)),
  redis.call('HGETALL', key('counts', name)),
  redis.call('HGET', home, 'order') or '',
}
