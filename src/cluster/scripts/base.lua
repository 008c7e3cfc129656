-- What all scripts have in common. KEYS[1] is the prefix of a partition. The first arguments are those of every
-- script: the node's id in this partition, a channel as `app/channel`, and random text for an epoch that may begin.
-- Before this stand SPEAK, the command that says something on a bus (SPUBLISH on a Cluster, else PUBLISH), and VERSION,
-- that of the messages that all nodes read.
local prefix, node, name, nonce = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

-- Says something on a bus, by what stands after the prefix. Returns how many connections heard it.
local function say(bus, text)
  return redis.call(SPEAK, prefix .. bus, text)
end

local function key(kind, of)
  return prefix .. kind .. ':' .. of
end

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- False for a node that was given up: what it held is somebody else's to end, so it begins anew with another id.
local function is_alive(id)
  local ends = redis.call('ZSCORE', prefix .. 'leases', id or node)
  return ends and tonumber(ends) > milliseconds()
end

local function split(text)
  local at = string.find(text, '\n', 1, true)
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end

-- A channel is born with its first listener, event or stream.
local function begin(channel)
  if redis.call('HSETNX', key('channel', channel), 'epoch', nonce) == 1 then
    redis.call('HSET', key('channel', channel), 'rev', 0, 'total', 0)
  end
end

-- How long a channel is remembered that had a stream, after its last event has expired, so that whoever comes back has
-- missed nothing; and how many of those that never had an event.
local REMEMBERED, MAX_UNUSED = 86400000, 800

-- It dies with the last.
local function end_if_unused(channel)
  local home = key('channel', channel)
  if redis.call('EXISTS', key('seats', channel), key('counts', channel)) > 0 then return end
  local stream, offset, ttl = unpack(redis.call('HMGET', home, 'stream', 'offset', 'ttl'))
  if not stream then return redis.call('DEL', home) end
  redis.call('PEXPIRE', home, REMEMBERED + (ttl or 0))
  if offset ~= '0' then return end
  redis.call('ZADD', prefix .. 'unused', milliseconds(), channel)
  if redis.call('ZCARD', prefix .. 'unused') <= MAX_UNUSED then return end
  local oldest = redis.call('ZPOPMIN', prefix .. 'unused')[1]
  if redis.call('HGET', key('channel', oldest), 'offset') == '0'
    and redis.call('EXISTS', key('seats', oldest), key('counts', oldest)) == 0 then
    redis.call('DEL', key('channel', oldest))
  end
end

-- Numbers a message and gives it to all nodes that listen. `head` continues a JSON array; `data` follows its line. It is
-- counted how many were no events: who has missed only such ones has missed no event.
local function tell(channel, kind, head, data)
  local home = key('channel', channel)
  begin(channel)
  local rev = redis.call('HINCRBY', home, 'rev', 1)
  if kind ~= 'e' then redis.call('HINCRBY', home, 'others', 1) end
  local epoch = redis.call('HGET', home, 'epoch')
  local text = '[' .. VERSION .. ',"' .. epoch .. '",' .. rev .. ',"' .. kind .. '"' .. head .. ']'
  say('bus:' .. channel, data and (text .. '\n' .. data) or text)
  return rev
end
