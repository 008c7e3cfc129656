-- Keeps an event of a backend, and gives it to the subscribers on all nodes. Arguments: the fields of its head as JSON,
-- each after a comma; the data; the key under which the channel takes it once, or nothing, the content of the key's
-- request, and for how long that holds; for how long it is the last event of a cache channel, or 0; what the rule
-- keeps: events (0 for none), milliseconds, bytes; the bytes of this one; and how many channels of the app may have a
-- last event in this partition. Times are milliseconds.
-- Returns epoch and offset, those of the first where the key was used, or REUSED where that was another request.
local head, data, once, fingerprint, once_ms, last_ms = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local size, ttl, most, bytes = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local most_lasts = tonumber(ARGV[14])
-- Each app that was deleted has its mark, which lasts as long as the keys that have it in their names: they are not those
-- of a former one with its id.
local mark = prefix .. 'removed:' .. string.match(name, '^[^/]*')
local removed = once ~= '' and redis.call('GET', mark)
if removed and redis.call('PTTL', mark) < tonumber(once_ms) then redis.call('PEXPIRE', mark, once_ms) end
local taken = key('once', name .. '/' .. once) .. (removed and '\n' .. removed or '')
local first = once ~= '' and redis.call('GET', taken)
if first then
  local content, position = split(first)
  if content ~= fingerprint then return { 'REUSED', 0 } end
  local stream, offset = split(position)
  return { stream, tonumber(offset) }
end
local stream, offset = '', 0
if size > 0 then
  stream, offset = append(name, head, data, size, ttl, most, bytes)
elseif redis.call('HEXISTS', key('channel', name), 'stream') == 1 then
  end_stream(name)
end
local positioned = head .. ',"' .. stream .. '",' .. offset
if last_ms > 0 then
  redis.call('SET', key('last', name), '[' .. string.sub(positioned, 2) .. ']\n' .. data, 'PX', last_ms)
  local all = key('lasts', string.match(name, '^[^/]*'))
  redis.call('ZADD', all, milliseconds() + last_ms, name)
  redis.call('PEXPIRE', all, last_ms)
  if redis.call('ZCARD', all) > most_lasts then
    redis.call('DEL', key('last', redis.call('ZPOPMIN', all)[1]))
  end
end
if redis.call('EXISTS', key('counts', name)) == 1 then
  tell(name, 'e', positioned, data)
else
  end_if_unused(name)
end
if once ~= '' then
  redis.call('SET', taken, fingerprint .. '\n' .. stream .. '\n' .. offset, 'PX', once_ms)
end
return { stream, offset }
