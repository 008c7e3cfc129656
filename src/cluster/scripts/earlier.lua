-- Departures from before the several servers were one: each is due after a while, unless somebody is there or comes.
-- Arguments: the milliseconds, and the departures as `departure_of` has them.
local leaving, due = prefix .. 'leaving', milliseconds() + ARGV[4]
for index = 5, #ARGV do
  if is_gone(ARGV[index]) then redis.call('ZADD', leaving, 'NX', due, ARGV[index]) end
end
say('facts', '')
return 1
