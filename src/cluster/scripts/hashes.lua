-- Reads a hash: 0 and its names and values by turns; of a long one 1 and texts of JSON, each with so many of these. A node
-- reads an answer of twenty thousand texts in one go, whatever that takes, and one of some long ones when it has time.
local WHOLE, PART = 2000, 400

local function read_hash(hash)
  local all = redis.call('HGETALL', hash)
  if #all <= WHOLE then return { 0, all } end
  local parts = {}
  for at = 1, #all, PART do
    parts[#parts + 1] = cjson.encode({ unpack(all, at, math.min(at + PART - 1, #all)) })
  end
  return { 1, parts }
end
