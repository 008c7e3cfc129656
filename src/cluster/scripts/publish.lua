-- Gives an event, or bytes, to the subscribers on all nodes, and keeps nothing of it. Arguments: the type of the
-- message, the fields of its head as JSON, each after a comma, and the data. Returns 1 where somebody listens.
-- It is the only one that goes without what the others have in common, since it runs for every message.
local prefix, name, kind = KEYS[1], ARGV[2], ARGV[4]
local home = prefix .. 'channel:' .. name
local known = redis.call('HMGET', home, 'epoch', 'stream')
if not known[1] then return 0 end
-- A stream that lacks an event of a backend is not whole any more: the next one has another epoch.
if known[2] and kind == 'e' then
  redis.call('DEL', prefix .. 'history:' .. name)
  if redis.call('EXISTS', prefix .. 'counts:' .. name) == 0 then
    redis.call('DEL', home)
    return 0
  end
  redis.call('HDEL', home, 'stream', 'offset', 'sum', 'ttl', 'origin', 'removed', 'pasts')
end
local text = '[' .. VERSION .. ',"' .. known[1] .. '",' .. redis.call('HINCRBY', home, 'rev', 1) .. ',"' .. kind .. '"' .. ARGV[5] .. ']'
if ARGV[6] ~= '' then text = text .. '\n' .. ARGV[6] end
redis.call(SPEAK, prefix .. 'bus:' .. name, text)
return 1
