-- What scripts have in common that are about the events that a channel keeps: entries of a stream, by offset, each with
-- `m` (when it was published, its bytes, those of all until then), `h` (the head of its message) and `d` (its data).

-- Characters of the epochs that a stream had before: of more the first ones are forgotten.
local MOST_PASTS = 1024

-- Gives up the stream of a channel: the next one has another epoch.
local function end_stream(channel)
  redis.call('DEL', key('history', channel))
  redis.call('HDEL', key('channel', channel), 'stream', 'offset', 'sum', 'ttl', 'origin', 'removed', 'pasts')
end

-- The epoch of the stream, the offset of its last event, and the bytes of all that it ever had. A stream begins where
-- there is none. One that another Redis has written may lack its last events, and goes on with another epoch; that of an
-- app which was deleted since then has ended.
local function open_stream(channel)
  local home = key('channel', channel)
  local stream, offset, sum, origin, before = unpack(redis.call('HMGET', home, 'stream', 'offset', 'sum', 'origin', 'removed'))
  local app = string.match(channel, '^[^/]*')
  local current, removed = unpack(redis.call('MGET', prefix .. 'origin', prefix .. 'removed:' .. app))
  current = current or ''
  if stream and removed and removed ~= before then
    end_stream(channel)
    stream = false
  end
  if not stream then
    begin(channel)
    redis.call('DEL', key('history', channel))
    redis.call('HSET', home, 'stream', nonce, 'offset', 0, 'sum', 0, 'origin', current, 'removed', removed or '')
    return nonce, 0, 0
  end
  if origin ~= current then
    local pasts = (redis.call('HGET', home, 'pasts') or '') .. stream .. ' ' .. offset .. '\n'
    if #pasts > MOST_PASTS then pasts = '?\n' .. string.match(string.sub(pasts, -MOST_PASTS / 2), '\n(.*)$') end
    redis.call('HSET', home, 'stream', nonce, 'origin', current, 'pasts', pasts)
    stream = nonce
  end
  return stream, tonumber(offset), tonumber(sum)
end

-- The epochs that a stream had before, each with the offset of its last event; and the last offset of the one that is
-- asked for, which is false for none, and unknown (nil) where the first epochs are forgotten.
local function find_past(channel, stream)
  local pasts = redis.call('HGET', key('channel', channel), 'pasts') or ''
  local ends = stream ~= '' and string.match('\n' .. pasts, '\n' .. stream .. ' (%d+)\n')
  if ends then return pasts, tonumber(ends) end
  if string.sub(pasts, 1, 1) == '?' then return pasts, nil end
  return pasts, false
end

local function offset_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

local function meta_of(entry)
  local at, bytes, sum = string.match(entry[2][2], '^(%d+) (%d+) (%d+)$')
  return tonumber(at), tonumber(bytes), tonumber(sum)
end

-- The offset of the oldest event that a rule keeps, which has so many events, milliseconds and bytes: work of log n. That
-- of the next one where none is.
local function first_of(channel, offset, sum, size, ttl, most)
  local entries = key('history', channel)
  local oldest = redis.call('XRANGE', entries, '-', '+', 'COUNT', 1)[1]
  if not oldest then return offset + 1 end
  local before, floor = milliseconds() - ttl, sum - most
  local low, high = math.max(offset_of(oldest), offset - size + 1), offset + 1
  local middle = low
  while low < high do
    local at, bytes, until_it = meta_of(redis.call('XRANGE', entries, middle, '+', 'COUNT', 1)[1])
    if at > before and until_it - bytes >= floor then high = middle else low = middle + 1 end
    middle = math.floor((low + high) / 2)
  end
  return low
end

-- Events that are too much are deleted when so many more have come, and then as whole blocks of Redis, which costs a
-- tenth; nobody sees them meanwhile.
local TRIMMED_EVERY = 16

-- Keeps an event. Returns its position.
local function append(channel, head, data, size, ttl, most, bytes)
  local stream, offset, sum = open_stream(channel)
  local entries = key('history', channel)
  offset, sum = offset + 1, sum + bytes
  local meta = milliseconds() .. ' ' .. bytes .. ' ' .. sum
  redis.call('XADD', entries, offset .. '-0', 'm', meta, 'h', head, 'd', data)
  redis.call('PEXPIRE', entries, ttl)
  redis.call('HSET', key('channel', channel), 'offset', offset, 'sum', sum, 'ttl', ttl)
  if offset % TRIMMED_EVERY == 0 then
    redis.call('XTRIM', entries, 'MINID', '~', first_of(channel, offset, sum, size, ttl, most))
  end
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
