-- Numbers of some apps on a node. Arguments: the message that says them, 1 where it has all, and the connections of
-- each app that it has, by turns; before these the number of the message.
local connections = key('connections', node)
if ARGV[5] == '1' then redis.call('DEL', connections) end
redis.call('HSET', prefix .. 'told', node, ARGV[6])
for index = 7, #ARGV, 2 do
  if ARGV[index + 1] == '0' then
    redis.call('HDEL', connections, ARGV[index])
  else
    redis.call('HSET', connections, ARGV[index], ARGV[index + 1])
  end
end
say('bus', ARGV[4])
return 1
