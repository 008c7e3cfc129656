-- Gives up all that is kept of a channel.
redis.call('DEL', key('last', name))
end_stream(name)
if redis.call('EXISTS', key('counts', name)) == 1 then
  tell(name, 'f', '')
else
  end_if_unused(name)
end
return 1
