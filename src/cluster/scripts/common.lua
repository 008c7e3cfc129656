-- What every script begins with. KEYS[1] is the prefix of all keys of its place, `carillon:<cluster>:{place}:`.
-- SPEAK, which stands before this, is the command that says something on a bus: SPUBLISH on a Cluster, else PUBLISH.
local PREFIX = KEYS[1]

-- Says something on a bus, by what stands after the prefix. Gives how many connections heard it.
local function say(bus, text)
  return redis.call(SPEAK, PREFIX .. bus, text)
end
