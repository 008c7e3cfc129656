-- The members of a channel, as `scripts/enter.lua` writes them, read as `hashes.lua` says.
return read_hash(key('users', name))
