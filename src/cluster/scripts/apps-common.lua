-- What scripts about the table of apps have in common. Everything in it is an item: an app, the changes of a provided
-- app, a token, the admin, a value that plugins share. Each write gets the next number of the table (`rev`); an item
-- has that of its last change, and so has the mark of one that was removed. Rows of the audit are a stream of them, and
-- have numbers of their own, without gaps.
local TABLE = prefix .. 'table'
local MARKS = 10000
local AUDIT_ROWS = 10000

-- Its life, which is another one whenever it was filled anew; its number; where it was born.
local function state()
  local found = redis.call('HMGET', TABLE, 'life', 'rev', 'origin')
  return found[1] or '', tonumber(found[2] or 0), found[3] or ''
end

local function next_rev()
  return redis.call('HINCRBY', TABLE, 'rev', 1)
end

local function forget_names(item)
  local named = redis.call('HGET', prefix .. 'named', item)
  if not named then return end
  for _, name in ipairs(cjson.decode(named)) do
    if redis.call('HGET', prefix .. 'names', name) == item then redis.call('HDEL', prefix .. 'names', name) end
  end
  redis.call('HDEL', prefix .. 'named', item)
end

-- `names` is a JSON list of what no other item may be called; '' where it has none.
local function put_at(item, value, names, rev)
  redis.call('HSET', prefix .. 'items', item, value)
  redis.call('ZADD', prefix .. 'revs', rev, item)
  redis.call('ZREM', prefix .. 'removed', item)
  forget_names(item)
  if names == '' then return end
  for _, name in ipairs(cjson.decode(names)) do redis.call('HSET', prefix .. 'names', name, item) end
  redis.call('HSET', prefix .. 'named', item, names)
end

local function put(item, value, names)
  put_at(item, value, names, next_rev())
end

local function remove(item)
  local removed = prefix .. 'removed'
  forget_names(item)
  redis.call('HDEL', prefix .. 'items', item)
  redis.call('ZREM', prefix .. 'revs', item)
  redis.call('ZADD', removed, next_rev(), item)
  local oldest = redis.call('ZRANGE', removed, 0, redis.call('ZCARD', removed) - MARKS - 1, 'WITHSCORES')
  if #oldest == 0 then return end
  redis.call('HSET', TABLE, 'forgotten', oldest[#oldest])
  redis.call('ZREMRANGEBYSCORE', removed, '-inf', oldest[#oldest])
end

local function write_down(row)
  if row == '' then return end
  redis.call('XADD', prefix .. 'audit', 'MAXLEN', '~', AUDIT_ROWS, redis.call('HINCRBY', TABLE, 'rows', 1) .. '-0', 'row', row)
  next_rev()
end

-- Tells all nodes that the table has another number. `rest` continues the JSON array; `data` follows its line.
local function tell_table(rest, data)
  local life, rev = state()
  local text = '[' .. VERSION .. ',"' .. life .. '",' .. rev .. rest .. ']'
  say('bus', data and (text .. '\n' .. data) or text)
  return rev
end

-- True for a node that knows another table than this one, or more than it has; and for all while it is to be filled.
local function is_other(known_life, known_rev)
  local life, rev = state()
  return life ~= known_life or known_rev > rev or redis.call('EXISTS', prefix .. 'mirrors') == 1
end

-- Tokens say in their value which app they are of, when they end, and when they were revoked.
local function index(kind, id, value)
  if kind == 'shared' then
    local plugin, name = split(id)
    redis.call('SADD', prefix .. 'plugins', plugin)
    redis.call('ZADD', prefix .. 'keys:' .. plugin, 0, name)
    local ends = string.match(value, '^%d+')
    if ends then
      redis.call('ZADD', prefix .. 'ends', ends, id)
    else
      redis.call('ZREM', prefix .. 'ends', id)
    end
  elseif kind == 'token' then
    local token = cjson.decode(value)
    if token.expiresAt then redis.call('HSET', prefix .. 'expires', id, string.format('%.0f', token.expiresAt)) end
    if token.revokedAt then redis.call('HSET', prefix .. 'revoked', id, 1) end
    local app = string.match(token.grant, '^app:(.*)$')
    if app then redis.call('SADD', prefix .. 'tokens-of:' .. app, id) end
  end
end

local function revoke(id, now)
  local item = 'token ' .. id
  local value = redis.call('HGET', prefix .. 'items', item)
  if not value or redis.call('HSETNX', prefix .. 'revoked', id, 1) == 0 then return end
  local names = redis.call('HGET', prefix .. 'named', item) or ''
  put(item, string.sub(value, 1, -2) .. ',"revokedAt":' .. string.format('%.0f', now) .. '}', names)
end

local function remove_token(id)
  local value = redis.call('HGET', prefix .. 'items', 'token ' .. id)
  if not value then return end
  local app = string.match(cjson.decode(value).grant, '^app:(.*)$')
  if app then redis.call('SREM', prefix .. 'tokens-of:' .. app, id) end
  redis.call('HDEL', prefix .. 'revoked', id)
  redis.call('HDEL', prefix .. 'expires', id)
  remove('token ' .. id)
end
