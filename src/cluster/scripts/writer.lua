-- Claims or gives up the writing of a partition's facts. Argument: 1 to claim. Returns 1 where the node is the writer.
local writer = prefix .. 'writer'
local holder = redis.call('GET', writer)
if ARGV[4] ~= '1' then
  if holder == node then redis.call('DEL', writer) end
  return 0
end
if not is_alive() then return 0 end
if holder and holder ~= node and is_alive(holder) then return 0 end
redis.call('SET', writer, node)
return 1
