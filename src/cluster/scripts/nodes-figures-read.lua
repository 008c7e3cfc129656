-- Figures of some apps on the other nodes that have told all of theirs. Arguments: the apps; one without an id is a node.
-- Returns for each node its id and the figures, false where it has none.
local answer, apps = {}, {}
for index = 4, #ARGV do apps[#apps + 1] = ARGV[index] end
for _, other in ipairs(redis.call('ZRANGE', prefix .. 'leases', 0, -1)) do
  local figures = key('figures', other)
  if other ~= node and redis.call('HEXISTS', figures, '') == 1 then
    answer[#answer + 1] = { other, redis.call('HMGET', figures, unpack(apps)) }
  end
end
return answer
