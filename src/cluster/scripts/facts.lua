-- Reads facts of a partition for its writer. Arguments: the id up to which they are written down (empty for none), and
-- how many it wants.
-- Returns OK, or LOST where another node is the writer; the entries; how many stand behind them; the milliseconds
-- until the next departure is due (-1 for none); and how many facts were dropped since the last time.
local facts = prefix .. 'facts'
if ARGV[4] ~= '' then
  local ms, number = string.match(ARGV[4], '^(%d+)-(%d+)$')
  redis.call('XTRIM', facts, 'MINID', string.format('%s-%.0f', ms, number + 1))
end
if redis.call('GET', prefix .. 'writer') ~= node or not is_alive() then return { 'LOST', {}, 0, -1, 0 } end
local due_in = settle_due()
local most = tonumber(ARGV[5])
local entries = most > 0 and redis.call('XRANGE', facts, '-', '+', 'COUNT', most) or {}
local dropped = tonumber(redis.call('GETDEL', prefix .. 'facts-dropped') or 0)
return { 'OK', entries, redis.call('XLEN', facts) - #entries, due_in, dropped }
