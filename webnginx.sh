cd /tmp/rops
sed 's/carillon-1:6001/127.0.0.1:27601/; s/carillon-2:6001/127.0.0.1:27602/; s/listen 8080/listen 127.0.0.1:27680/' /work/h/rops/ops/cluster/nginx.conf > one-and-two.conf
nginx -c /tmp/rops/one-and-two.conf -g 'pid /tmp/rops/nginx.pid;' && echo nginx up
