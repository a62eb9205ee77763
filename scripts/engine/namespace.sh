#!/bin/sh
# The inside of the test engine: a network, mount, host-name, IPC and process namespace of its own with
# dockerd and a registry in it. Its end is the end of everything in it, mounts and interfaces included,
# so nothing that it starts can be left behind on the machine.
#
# usage: namespace.sh outer FOLDER STARTER-PID HOST-INTERFACE HOST-ADDRESS INNER-ADDRESS CGROUP tied|free
#        namespace.sh inner (the same)
set -eu
stage=$1 folder=$2 starter=$3 host_interface=$4 host_address=$5 inner_address=$6 cgroup=$7 life=$8

if [ "$stage" = outer ]; then
  ip link set lo up
  # Neither side gets a default route: containers reach this machine and nothing behind it.
  ip link add eth0 type veth peer name "$host_interface" netns "$starter"
  ip addr add "$inner_address/30" dev eth0
  ip link set eth0 up
  nsenter --target "$starter" --net ip addr add "$host_address/30" dev "$host_interface"
  nsenter --target "$starter" --net ip link set "$host_interface" up
  shift
  exec unshare --pid --fork --kill-child=KILL --mount-proc sh "$0" inner "$@"
fi

# The daemon keeps shim sockets, plugin sockets and locks under /run and a key in /etc/docker whatever
# its options say. Here it finds a /run and an /etc/docker that are empty and its own.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /etc/docker
mount -t tmpfs -o mode=755 tmpfs /etc/docker

docker-registry serve "$folder/registry.yml" >"$folder/registry.log" 2>&1 &
dockerd \
  --data-root "$folder/root" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
  --config-file "$folder/daemon.json" --group root --cgroup-parent "$cgroup" \
  --host "unix://$folder/docker.sock" --host unix:///run/docker.sock \
  --host "tcp://$inner_address:2376" --tlsverify --tlscacert "$folder/tls/ca.pem" \
  --tlscert "$folder/tls/server.pem" --tlskey "$folder/tls/server-key.pem" \
  >"$folder/dockerd.log" 2>&1 &
engine=$!

# Whoever started the engine for one run of tests holds the other end of standard input: when that
# process is gone, however it went, the read ends and so does the engine.
if [ "$life" = tied ]; then
  exec 3<&0
  trap 'exit 0' TERM
  (cat <&3 >/dev/null; kill -TERM 1) &
fi
wait "$engine"
