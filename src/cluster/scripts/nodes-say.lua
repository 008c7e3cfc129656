-- Says something to all nodes that nobody keeps. Argument: the message.
say('bus', ARGV[4])
return 1
