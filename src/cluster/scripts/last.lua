-- The last event of a cache channel, as its message has it, and the milliseconds that it is kept still.
local text = redis.call('GET', key('last', name))
return { text or '', redis.call('PTTL', key('last', name)) }
