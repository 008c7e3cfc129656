-- Asks for the key of a request to an app. Arguments, after the app in place of a channel: the key, the content of the
-- request, a token for the claim, which begins with the node, how many keys the app may have, for how long an answer is kept, and for how long a
-- claim without one holds, in milliseconds.
-- Returns OK, REUSED, IN_USE, ANSWER and the answer, or FULL and the milliseconds until a key expires.
local asked, fingerprint, token, most = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local entry, all, now = key('repeat', name .. '/' .. asked), key('repeats', name), milliseconds()
local known = redis.call('GET', entry)
-- One that is not in the list is that of a former app with this id.
if known and redis.call('ZSCORE', all, asked) then
  local content, rest = split(known)
  local owner, answer = split(rest)
  if content ~= fingerprint then return { 'REUSED' } end
  if owner == '' then return { 'ANSWER', answer } end
  -- That of a node that was given up is free.
  local ends = redis.call('ZSCORE', prefix .. 'leases', string.match(owner, '^%S+'))
  if ends and tonumber(ends) > now then return { 'IN_USE' } end
end
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', all, '-inf', now, 'LIMIT', 0, 64)) do
  redis.call('ZREM', all, expired)
end
if redis.call('ZCARD', all) >= most then
  return { 'FULL', redis.call('ZRANGE', all, 0, 0, 'WITHSCORES')[2] - now }
end
redis.call('SET', entry, fingerprint .. '\n' .. token .. '\n', 'PX', ARGV[9])
redis.call('ZADD', all, now + ARGV[9], asked)
redis.call('PEXPIRE', all, ARGV[8])
return { 'OK' }
