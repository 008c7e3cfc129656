-- Values that the nodes of a plugin share: `expiry`, a newline, JSON; without an expiry they stay. Arguments: the life
-- and the number of the table that the node knows; the method, plugin and key; the time as the node has it; then
--   set: JSON, expiry or ''
--   increment: a number, expiry or ''
--   entries: the range of keys, as ZRANGE takes it, and how many at most, or -1
-- Returns a status, the number of the table, and the answer; OTHER table, TYPE for what is no number, RANGE with a sum
-- that is none.
local known_life, known, method = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local plugin, name, now = ARGV[7], ARGV[8], tonumber(ARGV[9])
local id = plugin .. '\n' .. name
local item = 'shared ' .. id
if is_other(known_life, known) then return { 'OTHER' } end

-- Its expiry or '', and its JSON; nothing for one that has expired.
local function read(key)
  local value = redis.call('HGET', prefix .. 'items', 'shared ' .. plugin .. '\n' .. key)
  if not value then return nil end
  local ends, json = split(value)
  if ends ~= '' and tonumber(ends) <= now then return nil end
  return ends, json
end

local function forget(of)
  local owner, key = split(of)
  redis.call('HDEL', prefix .. 'items', 'shared ' .. of)
  redis.call('ZREM', prefix .. 'revs', 'shared ' .. of)
  redis.call('ZREM', prefix .. 'keys:' .. owner, key)
  redis.call('ZREM', prefix .. 'ends', of)
end

local function set(ends, json)
  for _, of in ipairs(redis.call('ZRANGE', prefix .. 'ends', '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)) do forget(of) end
  local value = ends .. '\n' .. json
  put(item, value, '')
  index('shared', id, value)
  return tell_table(',"shared",' .. cjson.encode(id), value)
end

if method == 'get' then
  local _, json = read(name)
  return { 'OK', 0, json or '' }
elseif method == 'entries' then
  local found, most = {}, tonumber(ARGV[12])
  for _, key in ipairs(redis.call('ZRANGE', prefix .. 'keys:' .. plugin, ARGV[10], ARGV[11], 'BYLEX')) do
    if #found == most * 2 then break end
    local _, json = read(key)
    if json then
      found[#found + 1] = key
      found[#found + 1] = json
    end
  end
  return { 'OK', 0, found }
elseif method == 'delete' then
  if not redis.call('ZSCORE', prefix .. 'revs', item) then return { 'OK', select(2, state()), '' } end
  forget(id)
  remove(item)
  return { 'OK', tell_table(',"shared",' .. cjson.encode(id)), '' }
elseif method == 'set' then
  return { 'OK', set(ARGV[11], ARGV[10]), '' }
end
local ends, json = read(name)
if json and not string.match(json, '^%-?%d') then return { 'TYPE' } end
local sum = tonumber(json or '0') + tonumber(ARGV[10])
local text = string.format('%.17g', sum)
if not (sum >= -9007199254740991 and sum <= 9007199254740991) then return { 'RANGE', 0, text } end
return { 'OK', set(ends or ARGV[11], text), text }
