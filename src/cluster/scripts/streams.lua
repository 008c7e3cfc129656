-- What scripts have in common that are about the events that a channel keeps: entries of a stream, by offset, each with
-- `m` (when it was published, its bytes, those of all until then), `h` (the head of its message) and `d` (its data).

-- Gives up the stream of a channel: the next one has another epoch.
local function end_stream(channel)
  redis.call('DEL', key('history', channel))
  redis.call('HDEL', key('channel', channel), 'stream', 'offset', 'sum', 'ttl', 'origin', 'past', 'past_offset')
end

-- The epoch of the stream, the offset of its last event, and the bytes of all that it ever had. A stream begins where
-- there is none. One that another Redis has written may lack its last events, and goes on with another epoch.
local function open_stream(channel)
  local home = key('channel', channel)
  local stream, offset, sum, origin = unpack(redis.call('HMGET', home, 'stream', 'offset', 'sum', 'origin'))
  local current = redis.call('GET', prefix .. 'origin') or ''
  if not stream then
    begin(channel)
    redis.call('DEL', key('history', channel))
    redis.call('HSET', home, 'stream', nonce, 'offset', 0, 'sum', 0, 'origin', current)
    return nonce, 0, 0
  end
  if origin ~= current then
    redis.call('HSET', home, 'stream', nonce, 'origin', current, 'past', stream, 'past_offset', offset)
    stream = nonce
  end
  return stream, tonumber(offset), tonumber(sum)
end

local function offset_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

local function meta_of(entry)
  local at, bytes, sum = string.match(entry[2][2], '^(%d+) (%d+) (%d+)$')
  return tonumber(at), tonumber(bytes), tonumber(sum)
end

-- Gives up events of `before` and earlier, and those that are too much besides the last ones: work of log n.
local function trim(entries, last, before, floor)
  local function fits(entry)
    local at, bytes, sum = meta_of(entry)
    return at > before and sum - bytes >= floor
  end
  local oldest = redis.call('XRANGE', entries, '-', '+', 'COUNT', 3)
  for index, entry in ipairs(oldest) do
    if fits(entry) then
      if index > 1 then redis.call('XTRIM', entries, 'MINID', entry[1]) end
      return
    end
  end
  if #oldest == 0 then return end
  local low, high = offset_of(oldest[#oldest]) + 1, last + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', entries, middle, '+', 'COUNT', 1)[1]
    if not entry or fits(entry) then high = middle else low = middle + 1 end
  end
  redis.call('XTRIM', entries, 'MINID', low)
end

-- Gives up what a rule keeps no longer.
local function trim_stream(channel, offset, sum, size, ttl, most)
  local entries = key('history', channel)
  if redis.call('XLEN', entries) == 0 then return end
  redis.call('XTRIM', entries, 'MAXLEN', size)
  trim(entries, offset, milliseconds() - ttl, sum - most)
end

-- Keeps an event. Returns its position.
local function append(channel, head, data, size, ttl, most, bytes)
  local stream, offset, sum = open_stream(channel)
  local entries, now = key('history', channel), milliseconds()
  offset, sum = offset + 1, sum + bytes
  local meta = now .. ' ' .. bytes .. ' ' .. sum
  redis.call('XADD', entries, 'MAXLEN', size, offset .. '-0', 'm', meta, 'h', head, 'd', data)
  trim(entries, offset, now - ttl, sum - most)
  redis.call('PEXPIRE', entries, ttl)
  redis.call('HSET', key('channel', channel), 'offset', offset, 'sum', sum, 'ttl', ttl)
  return stream, offset
end

-- Events between two ids, so many of them and of their bytes at most, each with some besides; one in any case where
-- `least` says so. Returns them, and whether there are more.
local function collect(channel, command, from, to, limit, most, besides, least)
  local list, bytes = {}, 0
  while true do
    local page = redis.call(command, key('history', channel), from, to, 'COUNT', 100)
    for _, entry in ipairs(page) do
      local _, own = meta_of(entry)
      bytes = bytes + own + besides
      if #list >= limit or (bytes > most and #list >= least) then return list, 1 end
      list[#list + 1] = entry
    end
    if #page < 100 then return list, 0 end
    from = '(' .. page[100][1]
  end
end

-- The offset of the oldest event that is kept; that of the next one where none is.
local function first_of(channel, offset)
  local oldest = redis.call('XRANGE', key('history', channel), '-', '+', 'COUNT', 1)[1]
  return oldest and offset_of(oldest) or offset + 1
end
