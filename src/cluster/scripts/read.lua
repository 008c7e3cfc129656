-- Reads what a channel keeps. Arguments: what the rule keeps (events, milliseconds, bytes), and then one of
-- `replay`, epoch and offset of the last event that a subscriber had, how many it gets otherwise, bytes, bytes besides;
-- `page`, epoch and offset after which it begins, those before which it ends, `forward` or not, how many, bytes.
-- An empty epoch is none. Returns the channel's epoch and number; the stream's epoch, its last offset and the first that
-- is kept; 1 where nothing is missing; the events; and 1 where there are more.
local size, ttl, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local stream, offset, sum = open_stream(name)
local first = first_of(name, offset, sum, size, ttl, most)
local events, is_whole, has_more = {}, 0, 0
local since, after = ARGV[8], tonumber(ARGV[9])
if ARGV[7] == 'replay' then
  local count, bytes, besides = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
  if since == stream and after >= first - 1 and after <= offset then
    events, has_more = collect(name, 'XRANGE', '(' .. after .. '-0', '+', math.huge, bytes, besides, 0)
    is_whole = 1 - has_more
  end
  if is_whole == 0 then
    local newest = collect(name, 'XREVRANGE', '+', first, count, bytes, besides, 0)
    events = {}
    for index = #newest, 1, -1 do events[#events + 1] = newest[index] end
  end
else
  local before, ends = ARGV[10], tonumber(ARGV[11])
  local is_forward, limit, bytes = ARGV[12] == 'forward', tonumber(ARGV[13]), tonumber(ARGV[14])
  local is_known = (since == '' or (since == stream and after <= offset)) and (before == '' or (before == stream and ends <= offset + 1))
  if is_known then
    if since == '' then is_whole = first == 1 and 1 or 0 else is_whole = after >= first - 1 and 1 or 0 end
    local low = math.max(first, since == '' and 0 or after + 1)
    local high = before == '' and '+' or '(' .. ends .. '-0'
    if before ~= '' and ends == 0 then
      has_more = 0
    elseif is_forward then
      events, has_more = collect(name, 'XRANGE', low, high, limit, bytes, 0, 1)
    else
      events, has_more = collect(name, 'XREVRANGE', high, low, limit, bytes, 0, 1)
    end
  end
end
local epoch, rev = unpack(redis.call('HMGET', key('channel', name), 'epoch', 'rev'))
end_if_unused(name)
return { epoch, tonumber(rev), stream, offset, first, is_whole, events, has_more }
