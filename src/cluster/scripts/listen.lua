-- A node listens to a channel, or asks again what it has missed. Arguments: the epoch and number that it knows, and the
-- position of the last event that it had of those that the channel keeps.
-- Returns epoch, number, seats, users, counts, the last order; the last event of a cache channel, and how long it is
-- kept; the position of the stream, the events of it after the one that is known, and whether these are all; the epochs
-- that the stream had before, as `find_past` has them; and how many of the messages until now were no events. Seats and
-- users are as `hashes.lua` has them.
local known_epoch, known_rev, known_stream, known_offset = ARGV[4], tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
if not is_alive() then return { 'EXPIRED' } end
begin(name)
local home = key('channel', name)
redis.call('PERSIST', home)
local epoch, rev, others = unpack(redis.call('HMGET', home, 'epoch', 'rev', 'others'))
local has_stream = redis.call('HEXISTS', home, 'stream') == 1
local has_lost = epoch == known_epoch and tonumber(rev) < known_rev
-- Redis has lost what it had numbered: the numbers that follow are others.
if has_lost then
  epoch = nonce
  redis.call('HSET', home, 'epoch', epoch)
end
if redis.call('HSETNX', key('counts', name), node, 0) == 1 then
  redis.call('HSET', key('node', node), 'c ' .. name, '')
end
local stream, offset = '', 0
local missed, is_whole, pasts = {}, known_stream == '' and 1 or 0, ''
if redis.call('HEXISTS', home, 'stream') == 1 then
  if has_lost then redis.call('HSET', home, 'origin', 'lost') end
  stream, offset = open_stream(name)
  local after, ends = offset, nil
  pasts, ends = find_past(name, known_stream)
  if has_lost then
    is_whole = 0
  elseif stream == known_stream then
    is_whole, after = 1, known_offset
  elseif ends then
    is_whole, after = ends >= known_offset and 1 or 0, math.min(ends, known_offset)
  elseif known_stream == '' or ends == false then
    after = 0 -- it has begun since then
  end
  if known_epoch ~= '' and after < offset then
    missed = redis.call('XRANGE', key('history', name), after + 1, '+')
    if not missed[1] or offset_of(missed[1]) > after + 1 then is_whole = 0 end
  end
end
return {
  epoch,
  tonumber(rev),
  read_hash(key('seats', name)),
  read_hash(key('users', name)),
  redis.call('HGETALL', key('counts', name)),
  redis.call('HGET', home, 'order') or '',
  redis.call('GET', key('last', name)) or '',
  redis.call('PTTL', key('last', name)),
  stream,
  offset,
  missed,
  is_whole,
  pasts,
  tonumber(others or 0),
}
