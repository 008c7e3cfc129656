-- Keeps the answer to a request that has a key. Arguments, after the app: the key, the content of the request, the token
-- of the claim, the answer, how many keys more it counts for, and for how long it is kept, in milliseconds.
-- Returns 0 where the claim was another's meanwhile, or that of an app which was deleted.
local asked, fingerprint, token, answer, more, kept = ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local entry, all = key('repeat', name .. '/' .. asked), key('repeats', name)
local known = redis.call('GET', entry)
if known then
  local _, rest = split(known)
  if split(rest) ~= token or not redis.call('ZSCORE', all, asked) then return 0 end
end
local ends = milliseconds() + kept
redis.call('SET', entry, fingerprint .. '\n\n' .. answer, 'PX', kept)
redis.call('ZADD', all, ends, asked)
for index = 1, more do redis.call('ZADD', all, ends, asked .. '\n' .. index) end
redis.call('PEXPIRE', all, kept)
return 1
