-- Nobody on the node is in the channel any more.
set_count(name, node, nil)
return 1
