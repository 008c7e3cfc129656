-- Fills a table with what one node has. Until it is full its number is 0, so nobody reads it, and whoever dies over it
-- has done nothing. Arguments: a step; then
--   begin
--   put, kind, id, value, names, and more of them in fours
--   rows, number, row of the audit, and more of them in pairs
--   end, the number that the table has from now on, where it was born, and the number of its last row
-- Returns 1, or 0 for a node that is not the one to fill it.
if redis.call('GET', prefix .. 'filler') ~= node then return 0 end
redis.call('PEXPIRE', prefix .. 'filler', 10000)
redis.call('PEXPIRE', prefix .. 'mirrors', 10000)
local step = ARGV[4]
if step == 'begin' then
  for _, plugin in ipairs(redis.call('SMEMBERS', prefix .. 'plugins')) do redis.call('DEL', prefix .. 'keys:' .. plugin) end
  for _, name in ipairs({ 'items', 'revs', 'removed', 'names', 'named', 'audit', 'ends', 'plugins', 'revoked', 'expires' }) do
    redis.call('DEL', prefix .. name)
  end
  redis.call('HDEL', TABLE, 'forgotten')
  redis.call('HSET', TABLE, 'rev', 0, 'filled', 0, 'rows', 0)
elseif step == 'put' then
  for at = 5, #ARGV, 4 do
    local item = ARGV[at] .. ' ' .. ARGV[at + 1]
    put_at(item, ARGV[at + 2], ARGV[at + 3], redis.call('HINCRBY', TABLE, 'filled', 1))
    index(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  end
elseif step == 'rows' then
  for at = 5, #ARGV, 2 do redis.call('XADD', prefix .. 'audit', ARGV[at] .. '-0', 'row', ARGV[at + 1]) end
else
  local filled = tonumber(redis.call('HGET', TABLE, 'filled'))
  redis.call('HSET', TABLE, 'rev', math.max(filled, tonumber(ARGV[5])), 'life', nonce, 'origin', ARGV[6], 'rows', ARGV[7])
  for _, name in ipairs({ 'filler', 'mirrors', 'mirrors-seen', 'short-since' }) do redis.call('DEL', prefix .. name) end
  tell_table('')
end
return 1
