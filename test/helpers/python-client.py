# What a Python program does on an ordinary day, by Docker's own library: argv[1] begins every name.
import io
import json
import sys
import tarfile

import docker

name = sys.argv[1]
client = docker.from_env()
seen = {}
client.networks.create(name + "-net", driver="bridge", labels={"a": "b"})
client.volumes.create(name + "-vol", labels={"x": "y"})
container = client.containers.run(
    "busybox:local",
    ["sleep", "600"],
    name=name + "-web",
    detach=True,
    network=name + "-net",
    environment={"A": "1"},
    ports={"80/tcp": ("127.0.0.1", None)},
    volumes={name + "-vol": {"bind": "/d", "mode": "rw"}},
    mem_limit="64m",
    pids_limit=50,
    restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
    tmpfs={"/t": "size=1m"},
    mounts=[docker.types.Mount("/m", None, type="tmpfs", tmpfs_size=1000000)],
    ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
    healthcheck={"test": ["CMD", "true"], "interval": 5000000000},
    log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
    extra_hosts={"a": "10.0.0.1"},
    cap_drop=["ALL"],
    user="1000",
)
seen["exec"] = container.exec_run(["id", "-u"], environment={"B": "2"}, workdir="/tmp").output.decode()
seen["once"] = client.containers.run("busybox:local", "echo once", remove=True).decode()
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    entry = tarfile.TarInfo("file")
    entry.size = 2
    tar.addfile(entry, io.BytesIO(b"hi"))
seen["put"] = container.put_archive("/tmp", archive.getvalue())
seen["commit"] = bool(container.commit(name + "-image", "one", conf={"Env": ["Z=1"]}))
container.update(mem_limit="80m", memswap_limit="160m")
dockerfile = io.BytesIO(b"FROM busybox:local\nRUN echo built\n")
seen["build"] = bool(client.images.build(fileobj=dockerfile, tag=name + "-image:two", rm=True))
network = client.networks.get(name + "-net")
network.disconnect(container)
network.connect(container, aliases=["again"])
seen["list"] = len(client.containers.list(filters={"name": name}))
print(json.dumps(seen))
