-- Some of what a node holds in a partition, for it to compare. Argument: the cursor.
return redis.call('HSCAN', key('node', node), ARGV[4], 'COUNT', 500)
