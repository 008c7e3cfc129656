-- Gives an order about a channel to all nodes that listen to it. Arguments: its id, its fields as JSON, each after a
-- comma, and 1 where a node that hears nothing for a while has to carry it out later. Returns 0 where nobody listens.
local id, fields, is_kept = ARGV[4], ARGV[5], ARGV[6] == '1'
if redis.call('EXISTS', key('counts', name)) == 0 then return 0 end
if is_kept then redis.call('HSET', key('channel', name), 'order', '["' .. id .. '"' .. fields .. ']') end
return tell(name, 'o', ',"' .. id .. '"' .. fields)
