-- Figures of some apps on a node have changed. Arguments: 1 where it tells all anew, then each app and its figures by
-- turns; empty ones are none, and the app without an id is the node.
-- Returns 0 for a node that was given up: nobody would end what it says.
if not is_alive() then return 0 end
local figures = key('figures', node)
if ARGV[4] == '1' then redis.call('DEL', figures) end
for index = 5, #ARGV, 2 do
  if ARGV[index + 1] == '' and ARGV[index] ~= '' then
    redis.call('HDEL', figures, ARGV[index])
  else
    redis.call('HSET', figures, ARGV[index], ARGV[index + 1])
  end
end
return 1
