-- Gives an event, or bytes, to the subscribers on all nodes. Arguments: the type of the message, the fields of its
-- head as JSON, each after a comma, and the data.
if redis.call('EXISTS', key('counts', name)) == 0 then return 0 end
return tell(name, ARGV[4], ARGV[5], ARGV[6] ~= '' and ARGV[6] or nil)
