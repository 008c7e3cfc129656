-- Says how many subscriptions without seats the node has. Arguments: how many, and whether they
-- were there before Redis forgot them.
if not is_alive() then return 'EXPIRED' end
begin(name)
set_count(name, node, tonumber(ARGV[4]), ARGV[5] == '1')
return 1
