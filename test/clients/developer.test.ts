// What the docker command line asks for in ordinary work passes the limits of a developer unchanged in
// meaning: the engine shows the same container whether it was asked on its socket or through the gateway.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  dockerPrograms,
  onSocket,
  runDocker,
  throughTls,
  type RunOptions,
  type Target,
} from '../helpers/docker-cli.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { sameInMeaning } from '../helpers/inspected.ts'
import { shellWords } from '../helpers/shell-words.ts'

// OWN is the beginning of names: OWN-v is a volume, OWN-n a network, OWN-c a running container.
const creates = [
  '',
  '-it',
  '-i -a stdin -a stdout',
  '--rm',
  '-v OWN-v:/x',
  '-v OWN-v:/x:ro',
  '-v OWN-v2:/y:nocopy',
  '-v /anonymous',
  '-v OWN-v:/x:ro,z',
  '--mount type=volume,source=OWN-v,target=/x,readonly,volume-nocopy',
  '--mount type=volume,target=/x',
  '--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777',
  '--tmpfs /t:rw,size=1m --tmpfs /u',
  '-p 80 -p 443/tcp',
  '-p 28080:80 -p 127.0.0.1:28081:81/udp -p 28082-28084:82-84',
  '-P --expose 81',
  '--network OWN-n',
  '--network OWN-n --network-alias web --network-alias www',
  '--network OWN-n --link OWN-c:db --link OWN-c',
  '--network container:OWN-c',
  '--network none',
  '--network bridge',
  '--pid container:OWN-c --ipc container:OWN-c',
  '--ipc private --cgroupns private',
  '--ipc shareable',
  '--volumes-from OWN-c',
  '--volumes-from OWN-c:ro',
  '--link OWN-c',
  '--link OWN-c:db',
  '--link /OWN-c',
  '-e A=b -l k=v -w /tmp -u 1000:1000 -h hosty --domainname d.example --group-add 1000',
  '--add-host a:10.0.0.1 --dns 9.9.9.9 --dns-search x.example --dns-option ndots:2',
  '-m 64m --memory-swap 128m --memory-reservation 32m --memory-swappiness 10',
  '--cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --blkio-weight 300',
  '--cpu-period 100000 --cpu-quota 50000',
  '--pids-limit 100 --ulimit nofile=1024:2048 --ulimit nproc=100',
  '--shm-size 32m --read-only --init --oom-score-adj 100',
  '--cap-drop ALL --security-opt no-new-privileges',
  '--security-opt no-new-privileges:true --restart on-failure:3',
  '--restart unless-stopped --stop-signal INT --stop-timeout 3',
  '--log-driver json-file --log-opt max-size=1m --log-opt max-file=2',
  '--log-driver none',
  '--health-cmd true --health-interval 5s --health-retries 2 --health-start-period 1s',
  '--no-healthcheck --entrypoint echo --platform linux/amd64 --pull never',
]

interface Act {
  readonly line: string
  readonly says?: string
  readonly stdin?: string
}

// One after the other, on a container OWN-a that runs.
const acts: readonly Act[] = [
  { line: 'exec OWN-a echo one', says: 'one' },
  { line: 'exec -i OWN-a cat', stdin: 'two', says: 'two' },
  { line: "exec -e A=three -w /tmp -u 1000 OWN-a sh -c 'echo $A $PWD'", says: 'three /tmp' },
  { line: 'exec -d OWN-a touch /tmp/detached' },
  {
    line: "exec OWN-a sh -c 'until [ -e /tmp/detached ]; do sleep 0.1; done; echo four'",
    says: 'four',
  },
  { line: 'update --memory 64m --memory-swap 128m --pids-limit 50 --restart on-failure:2 OWN-a' },
  { line: 'update --cpus 0.5 OWN-a' },
  { line: 'cp DIR/file OWN-a:/tmp/file' },
  { line: 'cp OWN-a:/tmp/file DIR/back' },
  { line: 'exec OWN-a cat /tmp/file', says: 'content' },
  { line: 'commit -m said -a me OWN-a OWN-image' },
  { line: "commit --change 'CMD [\"true\"]' --change 'ENV A=b' --pause=false OWN-a OWN-image:two" },
  { line: 'network create --driver bridge --internal --label a=b --attachable OWN-other' },
  { line: 'network connect --alias www --link OWN-c:db OWN-other OWN-a' },
  { line: 'network disconnect -f OWN-other OWN-a' },
  { line: 'network rm OWN-other' },
  { line: 'volume create --driver local --label a=b OWN-v3' },
  { line: 'volume create', says: '' },
  {
    line: 'run --rm --network OWN-n --link OWN-c:db busybox:local ping -c 1 db',
    says: '1 packets received',
  },
  { line: 'run --rm --link OWN-a busybox:local ping -c 1 OWN-a', says: '1 packets received' },
  { line: 'run -i --rm busybox:local cat', stdin: 'five', says: 'five' },
  { line: 'build -t OWN-built --build-arg word=x --label a=b DIR', says: 'Successfully tagged' },
  { line: 'run --rm OWN-built', says: 'content x' },
  { line: 'rename OWN-a OWN-b' },
  { line: 'stop -t 0 OWN-b' },
  { line: 'wait OWN-b', says: '137' },
  { line: 'start OWN-b' },
  { line: 'rm -f -v OWN-b' },
]

let gateway: GatewayProcess
let folder: string
const direct = { word: uniqueName('dev'), target: onSocket() }
const through: { readonly word: string; target: Target } = { word: uniqueName('dev'), target: {} }

before(async () => {
  gateway = await startGatewayProcess({
    roles: 'grants: [{ to: { name: alice }, roles: [developer] }]',
  })
  through.target = throughTls(`tcp://127.0.0.1:${gateway.port}`, gateway.certPath('alice'))
  folder = mkdtempSync(join(tmpdir(), 'dockgate-developer-'))
  writeFileSync(join(folder, 'file'), 'content')
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM busybox:local\nARG word\nENV WORD=$word\nCOPY file /file\nVOLUME /data\nCMD echo $(cat /file) $WORD\n',
  )
  for (const side of [direct, through]) {
    await type('/usr/bin/docker', side, 'network create OWN-n')
    await type('/usr/bin/docker', side, 'volume create OWN-v')
    const lent = 'run -d --name OWN-c --network OWN-n -v /lent busybox:local sleep 600'
    await type('/usr/bin/docker', side, lent)
    await type('/usr/bin/docker', side, 'network connect bridge OWN-c')
  }
})
after(async () => {
  for (const { word } of [direct, through]) await removeAll(word)
  await gateway.stop()
  rmSync(folder, { recursive: true })
})

type Side = typeof through

async function type(
  program: string,
  { word, target }: Side,
  line: string,
  options: RunOptions = {},
): Promise<string> {
  const args = shellWords(line).map((text) =>
    text.replaceAll('OWN', word).replaceAll('DIR', folder),
  )
  const result = await runDocker(target, args, {
    program,
    env: { DOCKER_BUILDKIT: '0' },
    ...options,
  })
  assert.equal(result.exit, 0, `docker ${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

async function create(program: string, side: Side, flags: string, name: string): Promise<unknown> {
  const id = await type(program, side, `create --name ${name} ${flags} busybox:local sleep 600`)
  const inspected = await onEngine<Record<string, unknown>>(`/containers/${id.trim()}/json`)
  const own = await onEngine<{ Id: string; Mounts: { Name: string }[] }>(
    `/containers/${side.word}-c/json`,
  )
  const network = await onEngine<{ Id: string }>(`/networks/${side.word}-n`)
  await onEngine(`/containers/${id.trim()}?force=1&v=1`, { method: 'DELETE' })
  return sameInMeaning(inspected, {
    [own.Id]: 'OWN-c',
    [network.Id]: 'OWN-n',
    [own.Mounts[0]?.Name ?? '']: 'LENT',
    [`${side.word}-${name.slice(4)}`]: 'NAME',
    [side.word]: 'OWN',
  })
}

for (const program of dockerPrograms) {
  describe(`${program} as a developer`, { concurrency: 2 }, () => {
    for (const [index, flags] of creates.entries()) {
      it(`creates the same container with ${flags === '' ? 'nothing more' : flags}`, async () => {
        const [expected, got] = await Promise.all([
          create(program, direct, flags, `OWN-x${index}`),
          create(program, through, flags, `OWN-x${index}`),
        ])
        assert.deepEqual(got, expected)
      })
    }
  })

  describe(`${program} as a developer`, () => {
    it('does what a day brings', async () => {
      await type(program, through, 'run -d --name OWN-a -p 80 busybox:local sleep 600')
      for (const { line, says = '', stdin } of acts) {
        const options = stdin === undefined ? {} : { stdin }
        assert.ok((await type(program, through, line, options)).includes(says), line)
      }
      await type(program, through, 'rmi OWN-image OWN-image:two OWN-built')
      await type(program, through, 'volume rm OWN-v3')
    })
  })
}
