-- Writes an item of the table, and a row of the audit. Arguments: the life and the number of the table that the node
-- knows; the verb; kind, id, value, and names of the item; the row; the time as the node has it; and ids of tokens that
-- are forgotten.
-- Verbs: `create` an item, `add` one unless it is there, `change` or `remove` it, `revoke` a token, only `note` a row.
-- Returns a status and the number of the table: OK, OTHER table, OUTDATED, or TAKEN with the names that others have.
local known_life, known, verb = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local kind, id, value, names, row, now = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12])
local item = kind .. ' ' .. id
if is_other(known_life, known) then return { 'OTHER' } end

local function is_over(owner)
  local token = string.match(owner, '^token (.*)$')
  if not token then return false end
  local ends = redis.call('HGET', prefix .. 'expires', token)
  return redis.call('HEXISTS', prefix .. 'revoked', token) == 1 or (ends and tonumber(ends) <= now)
end

local before = redis.call('ZSCORE', prefix .. 'revs', item)
if verb == 'add' and before then return { 'TAKEN', '' } end
if (verb == 'change' or verb == 'remove') and before and tonumber(before) > known then return { 'OUTDATED' } end
local is_gone = not before and (verb == 'remove' or verb == 'revoke' or (verb == 'change' and kind == 'app'))
local is_done = verb == 'revoke' and redis.call('HEXISTS', prefix .. 'revoked', id) == 1
if is_gone or is_done then return { 'OK', select(2, state()) } end
if verb == 'create' or verb == 'add' or verb == 'change' then
  local taken = { 'TAKEN' }
  if names ~= '' then
    for _, name in ipairs(cjson.decode(names)) do
      local owner = redis.call('HGET', prefix .. 'names', name)
      if owner and (owner ~= item or verb == 'create') and not is_over(owner) then taken[#taken + 1] = name end
    end
  end
  if #taken > 1 then return taken end
  for at = 13, #ARGV do remove_token(ARGV[at]) end
  put(item, value, names)
  index(kind, id, value)
elseif verb == 'remove' then
  remove(item)
elseif verb == 'revoke' then
  revoke(id, now)
end
if kind == 'app' and verb ~= 'change' then
  for _, token in ipairs(redis.call('SMEMBERS', prefix .. 'tokens-of:' .. id)) do revoke(token, now) end
end
write_down(row)
return { 'OK', tell_table('') }
