-- Some of the occupied channels of an app in this partition, each with `subscriptions|users`. Arguments: app, cursor.
return redis.call('HSCAN', key('occupied', ARGV[4]), ARGV[5], 'COUNT', 128)
