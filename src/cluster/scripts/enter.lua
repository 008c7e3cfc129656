-- Takes a seat. Arguments: the socket, the user (empty for one of a user's own channel), the member and the
-- connection as JSON, the most members, and whether it was there before Redis forgot it.
-- Returns the number of the message that says so, or why not.
local socket, user, member, meta, limit, again = ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9] == '1'
if not is_alive() then return 'EXPIRED' end
local seats, users = key('seats', name), key('users', name)
local seat = redis.call('HGET', seats, socket)
if seat then
  -- It moves from an older id of the same node without a transition.
  local holder, rest = split(seat)
  if holder ~= node then
    redis.call('HSET', seats, socket, node .. '\n' .. rest)
    redis.call('HDEL', key('node', holder), 's' .. socket .. ' ' .. name)
    redis.call('HSET', key('node', node), 's' .. socket .. ' ' .. name, '')
  end
  return 'SEATED'
end
local entry = user ~= '' and redis.call('HGET', users, user)
if user ~= '' and not entry and limit >= 0 and redis.call('HLEN', users) >= limit then return 'FULL' end
begin(name)
local is_new = not entry and user ~= ''
redis.call('HSET', seats, socket, node .. '\n' .. meta .. '\n' .. user)
redis.call('HSET', key('node', node), 's' .. socket .. ' ' .. name, '')
if entry then
  local count, rest = split(entry)
  redis.call('HSET', users, user, (count + 1) .. '\n' .. rest)
elseif is_new then
  local rev = redis.call('HGET', key('channel', name), 'rev') + 1
  redis.call('HSET', users, user, '1\n' .. rev .. '\n' .. member)
end
add_subscriptions(name, 1, again)
if is_new then arrived(name, 'member_added', user, again) end
return tell(name, '+', ',"' .. socket .. '","' .. node .. '",' .. member .. ',' .. meta)
