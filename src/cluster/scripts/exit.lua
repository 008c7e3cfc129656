-- Leaves a seat. Argument: the socket.
return leave(name, ARGV[4], node) and 1 or 0
