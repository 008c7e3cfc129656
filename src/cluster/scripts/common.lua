-- What scripts about seats, counts and facts have in common, after `base.lua`.
-- Facts of a partition that nobody has written down yet; later ones are dropped, and counted.
local MOST_FACTS = 100000
-- Departures that one script makes facts.
local SETTLED_AT_ONCE = 1000

-- The app and the name of a channel.
local function parts_of(channel)
  local slash = string.find(channel, '/', 1, true)
  return string.sub(channel, 1, slash - 1), string.sub(channel, slash + 1)
end

-- Channels of users, of those who watch them, and groups are in no list.
local function is_listed(channel)
  local _, own = parts_of(channel)
  return string.sub(own, 1, 1) ~= '#'
end

-- Writes down what webhooks may want to know. The partition's writer is told where there was nothing before.
local function add_fact(channel, kind, user)
  local facts = prefix .. 'facts'
  local count = redis.call('XLEN', facts)
  if count >= MOST_FACTS then
    redis.call('INCR', prefix .. 'facts-dropped')
    return
  end
  redis.call('XADD', facts, '*', 'type', kind, 'channel', channel, 'user', user or '')
  if count == 0 then say('facts', '') end
end

-- How a departure stands among those that are due at the same time: members before their channel, whose bytes are counted
-- since it may have line breaks.
local function departure_of(channel, user)
  return user and ('m' .. #channel .. '\n' .. channel .. user) or ('v' .. channel)
end

-- Until when nodes say again what Redis has lost (`scripts/beat.lua`); 0 where it has lost nothing.
local function returning_until()
  local returning = redis.call('GET', prefix .. 'returning')
  return returning and tonumber(string.match(returning, '%d+$')) or 0
end

-- An arrival is a fact, unless its departure was none yet, or Redis has only forgotten that it was told.
local function arrived(channel, kind, user, is_known)
  local is_back = redis.call('ZREM', prefix .. 'leaving', departure_of(channel, user)) == 1
  if is_back or (is_known and milliseconds() < returning_until()) then return end
  add_fact(channel, kind, user)
end

-- A departure is a fact once nobody has come back for a while, and all have said again what Redis has lost.
local function departed(channel, kind, user)
  local now = milliseconds()
  local due = math.max(now + tonumber(redis.call('GET', prefix .. 'settle') or 0), returning_until())
  if due <= now then return add_fact(channel, kind, user) end
  local leaving = prefix .. 'leaving'
  redis.call('ZADD', leaving, due, departure_of(channel, user))
  if redis.call('ZCARD', leaving) == 1 then say('facts', '') end
end

-- True where nobody is back. Returns the channel, and the user where it is about one, as well.
local function is_gone(departure)
  local channel = string.sub(departure, 2)
  if string.sub(departure, 1, 1) == 'v' then
    return tonumber(redis.call('HGET', key('channel', channel), 'total') or 0) <= 0, channel
  end
  local length, both = split(channel)
  local home, user = string.sub(both, 1, length), string.sub(both, length + 1)
  return redis.call('HEXISTS', key('users', home), user) == 0, home, user
end

-- Departures whose time has come are facts. Returns the milliseconds until the next one's; -1 where there is none.
local function settle_due()
  local leaving, now = prefix .. 'leaving', milliseconds()
  for _, departure in ipairs(redis.call('ZRANGEBYSCORE', leaving, '-inf', now, 'LIMIT', 0, SETTLED_AT_ONCE)) do
    redis.call('ZREM', leaving, departure)
    local gone, channel, user = is_gone(departure)
    if gone then add_fact(channel, user and 'member_removed' or 'channel_vacated', user) end
  end
  local first = redis.call('ZRANGE', leaving, 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, tonumber(first[2]) - now) or -1
end

-- Changes how many subscriptions a channel has. One that Redis has forgotten and that is known was occupied before.
local function add_subscriptions(channel, change, is_known)
  local total = redis.call('HINCRBY', key('channel', channel), 'total', change)
  if not is_listed(channel) then return end
  local app, own = parts_of(channel)
  if total <= 0 then
    redis.call('HDEL', key('occupied', app), own)
    redis.call('DEL', key('claim', channel .. ' cache_miss'))
    departed(channel, 'channel_vacated')
    return
  end
  redis.call('HSET', key('occupied', app), own, total .. '|' .. redis.call('HLEN', key('users', channel)))
  if total == change then arrived(channel, 'channel_occupied', nil, is_known) end
end

-- Ends the seat of a socket that `owner` holds; false where it holds none.
local function leave(channel, socket, owner)
  local seat = redis.call('HGET', key('seats', channel), socket)
  if not seat then return false end
  local holder, rest = split(seat)
  if holder ~= owner then return false end
  local _, user = split(rest)
  redis.call('HDEL', key('seats', channel), socket)
  redis.call('HDEL', key('node', owner), 's' .. socket .. ' ' .. channel)
  local has_left = false
  if user ~= '' then
    local count, member = split(redis.call('HGET', key('users', channel), user))
    count = tonumber(count) - 1
    has_left = count == 0
    if has_left then
      redis.call('HDEL', key('users', channel), user)
    else
      redis.call('HSET', key('users', channel), user, count .. '\n' .. member)
    end
  end
  tell(channel, '-', ',"' .. socket .. '","' .. owner .. '"')
  if has_left then departed(channel, 'member_removed', user) end
  add_subscriptions(channel, -1)
  end_if_unused(channel)
  return true
end

-- Sets how many subscriptions without seats a node has; undefined where it does not listen any more.
local function set_count(channel, owner, count, is_known)
  local counts = key('counts', channel)
  local before = tonumber(redis.call('HGET', counts, owner) or 0)
  if count then
    redis.call('HSET', counts, owner, count)
    redis.call('HSET', key('node', owner), 'c ' .. channel, '')
  else
    redis.call('HDEL', counts, owner)
    redis.call('HDEL', key('node', owner), 'c ' .. channel)
  end
  local change = (count or 0) - before
  if change ~= 0 then
    add_subscriptions(channel, change, is_known)
    tell(channel, 'c', ',"' .. owner .. '",' .. (count or 0))
  end
  if not count then end_if_unused(channel) end
end
