-- Gives up what this partition keeps of an app that was deleted: who makes one with its id finds nothing. Streams are
-- not looked for: each ends when it is next opened (`streams.lua`). Nor are answers to requests: without their list they
-- are none (`repeat-claim.lua`). Arguments, after the app in place of a channel: for how long any of them may be there
-- still, in milliseconds.
redis.call('SET', prefix .. 'removed:' .. name, nonce, 'PX', ARGV[4])
local lasts = key('lasts', name)
for _, channel in ipairs(redis.call('ZRANGE', lasts, 0, -1)) do redis.call('DEL', key('last', channel)) end
redis.call('DEL', lasts)
redis.call('UNLINK', key('repeats', name))
return 1
