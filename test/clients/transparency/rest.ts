// Volumes, networks, compose, what concerns the engine as a whole, and a swarm.
import type { Row } from './row.ts'

const compose = `version: "3.7"
services:
  web:
    image: busybox:local
    command: sh -c 'echo web is up; exec httpd -f -p 80'
    stop_grace_period: 0s
    volumes: ["data:/data"]
  job:
    build: .
    depends_on: [web]
    volumes: ["data:/data"]
volumes:
  data: {}
`

export const rest: readonly Row[] = [
  {
    name: 'volumes are made, seen, used and removed',
    steps: [
      { run: 'volume create --label $name $name', shows: '$name' },
      { run: 'volume ls --filter label=$name', shows: 'local' },
      { run: 'volume inspect $name', shows: '"Mountpoint"' },
      "run --rm -v $name:/v busybox sh -c 'echo kept > /v/file'",
      {
        run: 'run --rm --mount type=volume,src=$name,dst=/v,readonly busybox cat /v/file',
        shows: 'kept',
      },
      'create --name $name -v $name:/v busybox',
      { run: 'volume rm $name', exit: 1, shows: 'volume is in use' },
      'rm $name',
      { run: 'volume rm $name', shows: '$name' },
      { run: 'volume inspect $name', exit: 1, shows: /no such volume/i },
    ],
  },
  {
    name: 'networks are made, joined, left and removed',
    steps: [
      { run: 'network create --label $name $name', shows: /[0-9a-f]{64}/ },
      'run -d --name $name-a --network $name --network-alias other busybox sleep 600',
      {
        run: "run --rm --network $name busybox sh -c 'ping -c 1 other >/dev/null && echo reached'",
        shows: 'reached',
      },
      'run -d --name $name-b busybox sleep 600',
      'network connect --alias b $name $name-b',
      { run: "network inspect -f '{{len .Containers}}' $name", shows: '2' },
      'network disconnect $name $name-b',
      { run: 'network rm $name', exit: 1, shows: 'active endpoints' },
      'rm -f $name-a $name-b',
      { run: 'network ls --filter label=$name', shows: 'bridge' },
      { run: 'network inspect $name', shows: '"bridge"' },
      'network rm $name',
      { run: 'network inspect $name', exit: 1, shows: /no such network|not found/i },
    ],
  },
  {
    name: 'docker-compose brings a project up, runs in it, and takes it down',
    files: {
      'docker-compose.yml': compose,
      Dockerfile:
        'FROM busybox:local\nRUN : $name\nCMD ["sh", "-c", "echo job done; echo x > /data/x"]\n',
    },
    steps: [
      { run: 'docker-compose -p $name -f $dir/docker-compose.yml config', shows: 'httpd' },
      { run: 'docker-compose -p $name -f $dir/docker-compose.yml build', shows: 'Successfully' },
      {
        run: 'docker-compose -p $name -f $dir/docker-compose.yml up -d',
        shows: 'done',
        compare: 'lines',
      },
      { run: 'wait $name_job_1', shows: '0' },
      { run: 'docker-compose -p $name -f $dir/docker-compose.yml ps', shows: 'Exit 0' },
      {
        run: 'docker-compose -p $name -f $dir/docker-compose.yml logs --no-color',
        shows: 'job done',
        compare: 'lines',
      },
      {
        run: 'docker-compose -p $name -f $dir/docker-compose.yml exec -T web ls /data',
        shows: 'x',
      },
      {
        run: 'docker-compose -p $name -f $dir/docker-compose.yml exec -T web cat',
        stdin: 'piped\n',
        shows: 'piped',
      },
      {
        run: "docker-compose -p $name -f $dir/docker-compose.yml run --rm -T web sh -c 'echo once; exit 3'",
        exit: 3,
        shows: 'once',
        compare: 'lines',
      },
      {
        run: 'docker-compose -p $name -f $dir/docker-compose.yml down -v --rmi local',
        shows: 'done',
        compare: 'lines',
      },
    ],
  },
  {
    name: 'version, info and df describe the engine',
    alone: true,
    steps: [
      { run: 'version', shows: 'Server' },
      { run: 'version -f {{.Server.APIVersion}}', shows: '1.' },
      { run: 'info', shows: 'Storage Driver' },
      { run: 'system df', shows: 'Build Cache', compare: 'words' },
      { run: 'system df -v', shows: 'Build cache usage', compare: 'exit' },
      { run: 'plugin ls', shows: 'ENABLED' },
      { run: 'service ls', exit: 1, shows: 'not a swarm manager' },
    ],
  },
  {
    name: 'prune removes what is not used, of each kind',
    alone: true,
    steps: [
      'create --name $name --label $name busybox',
      { run: 'container prune -f --filter label=$name', shows: /[0-9a-f]{64}/ },
      'network create --label $name $name',
      { run: 'network prune -f --filter label=$name', shows: '$name' },
      'volume create --label $name $name',
      { run: 'volume prune -f --filter label=$name', shows: '$name' },
      { run: 'image prune -f --filter label=$name', shows: 'reclaimed' },
      { run: 'builder prune -f', shows: 'Total', compare: 'exit' },
    ],
  },
  {
    name: 'a swarm is begun, runs a service, and is left',
    alone: true,
    debianOnly: true,
    files: { conf: 'a configuration\n' },
    steps: [
      { run: 'swarm init', shows: 'Swarm initialized' },
      { run: 'swarm join-token worker -q', shows: 'SWMTKN' },
      { run: 'node ls', shows: 'Leader' },
      { run: 'config create $name $dir/conf' },
      { run: 'secret create $name $dir/conf' },
      { run: 'network create -d overlay --attachable $name' },
      {
        run: "service create --name $name --config $name --secret $name --network $name --no-resolve-image --update-monitor 1s busybox:local sh -c 'cat /$name /run/secrets/$name; exec sleep 600'",
        shows: /converged|verify/i,
        compare: 'exit',
      },
      { run: "service ls --format '{{.Name}} {{.Replicas}}'", shows: '1/1' },
      { run: "service ps --format '{{.Name}} {{.DesiredState}}' $name", shows: 'Running' },
      { run: 'service inspect -f {{.Spec.Name}} $name', shows: '$name' },
      { run: 'service logs --raw $name', shows: 'a configuration' },
      {
        run: 'service logs -f --raw $name',
        interrupt: { after: 'configuration\na configuration', signal: 'SIGINT' },
        exit: 'any',
      },
      { run: 'service scale --detach $name=2', shows: 'scaled to 2' },
      { run: 'service update --detach --force $name', shows: '$name' },
      { run: 'service rm $name', shows: '$name' },
      { run: 'secret rm $name' },
      { run: 'config inspect -f {{.Spec.Name}} $name', shows: '$name' },
      { run: 'swarm leave', exit: 1, shows: 'manager' },
      { run: 'swarm leave --force', shows: 'left the swarm' },
    ],
  },
]
