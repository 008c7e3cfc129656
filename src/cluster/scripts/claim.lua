-- Claims something of a channel for a while. Arguments: what, and milliseconds. Returns 1 for the first.
return redis.call('SET', key('claim', name .. ' ' .. ARGV[4]), node, 'NX', 'PX', ARGV[5]) and 1 or 0
