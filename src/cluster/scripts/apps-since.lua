-- What has changed since a number. Arguments: the number, that of the last row of the audit that is known, and how much
-- of each kind at most.
-- Returns life and number of the table, the last number whose mark is forgotten, the items as lists of name, number and
-- value, those that were removed as name and number, rows of the audit as number and row, and the number of the last.
local since, since_row, most = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local life, rev = state()
local items = {}
local found = redis.call('ZRANGE', prefix .. 'revs', '(' .. since, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
for at = 1, #found, 2 do
  items[#items + 1] = { found[at], tonumber(found[at + 1]), redis.call('HGET', prefix .. 'items', found[at]) }
end
local removed = redis.call('ZRANGE', prefix .. 'removed', '(' .. since, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
local rows = {}
for _, entry in ipairs(redis.call('XRANGE', prefix .. 'audit', '(' .. since_row .. '-0', '+', 'COUNT', most)) do
  rows[#rows + 1] = { tonumber(string.match(entry[1], '^%d+')), entry[2][2] }
end
local forgotten, last_row = unpack(redis.call('HMGET', TABLE, 'forgotten', 'rows'))
return { life, rev, tonumber(forgotten or 0), items, removed, rows, tonumber(last_row or 0) }
