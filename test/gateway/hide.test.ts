// What a role hides is masked wherever the engine tells it, and nothing else changes by one byte.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isOwn } from '../../src/docker/catalog-own.ts'
import { catalog } from '../../src/docker/catalog.ts'
import { dockerPrograms, onSocket, runDocker, throughTls } from '../helpers/docker-cli.ts'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes } from '../helpers/raw-http.ts'

const word = uniqueName('hide')
const kinds = ['env', 'args', 'labels', 'mounts', 'addresses', 'command'] as const
const roles = `roles:
${kinds.map((kind) => `  no-${kind}: { includes: [admin], allow: ['*'], on: all, limits: none, hide: [${kind}] }`).join('\n')}
  nothing: { includes: [admin], on: all, limits: none, hide: [${kinds.join(', ')}] }
  some-labels: { includes: [viewer], on: all, hide: ['labels:com.example.*'] }
  hiding-viewer: { includes: [viewer], on: all, hide: [env] }
grants:
${kinds.map((kind) => `  - { to: { name: no-${kind} }, roles: [no-${kind}] }`).join('\n')}
  - { to: { name: nothing }, roles: [nothing] }
  - { to: { name: some-labels }, roles: [some-labels] }
  - { to: { name: hiding-viewer }, roles: [hiding-viewer] }
  - { to: { name: both-${word} }, roles: [hiding-viewer, developer] }
  - { to: { name: either }, roles: [hiding-viewer, viewer] }
`
const secret = (kind: string): string => `${kind}-secret-of-${word}`

let gateway: GatewayProcess
let id = ''
let image = ''
let exec = ''
let address = ''
before(async () => {
  gateway = await startGatewayProcess({ roles })
  await onEngine('/volumes/create', {
    method: 'POST',
    body: { Name: word, Labels: { 'com.example.note': secret('labels'), plain: 'kept' } },
  })
  const made = await make(`/containers/create?name=${word}`, {
    Image: 'busybox:local',
    Env: [`PASSWORD=${secret('env')}=x`, 'EMPTY=', 'QUOTED="<&>"é'],
    Cmd: ['sh', '-c', `echo said; sleep 600; : ${secret('command')}`],
    Labels: { 'com.example.note': secret('labels'), plain: 'kept' },
    HostConfig: {
      // Told before each line of the log to who asks for details.
      LogConfig: { Type: 'json-file', Config: { env: 'PASSWORD', labels: 'com.example.note' } },
      Binds: [`/tmp/${secret('mounts')}:/bound:ro`, `${word}:/volume`],
    },
  })
  id = made.Id
  await askEngine(`/containers/${id}/start`, { method: 'POST' })
  const change = encodeURIComponent(`ENV TOKEN=${secret('env')}`)
  const label = encodeURIComponent(`LABEL com.example.note=${secret('labels')}`)
  await make(`/commit?container=${id}&repo=${word}&changes=${change}&changes=${label}`, {})
  image = `${word}-built`
  const dockerfile = [
    'FROM busybox:local',
    `ARG BUILT=${secret('args')}`,
    'ARG GIVEN',
    `ENV TOKEN=${secret('env')}`,
    `LABEL com.example.note=${secret('labels')}`,
    `ONBUILD ENV LATER ${secret('env')}`,
    `RUN : ${secret('command')} > /made`,
    `HEALTHCHECK CMD echo ${secret('command')}`,
    `CMD ["echo", "${secret('command')}"]`,
  ].join('\n')
  const argument = `GIVEN=${secret('args')} with spaces`
  const built = await runDocker(
    onSocket(),
    ['build', '-q', '-t', image, '--build-arg', argument, '-'],
    { stdin: dockerfile, env: { DOCKER_BUILDKIT: '0' } },
  )
  assert.equal(built.exit, 0, built.stderr)
  // What BuildKit keeps tells of its steps.
  const kept = await runDocker(onSocket(), ['build', '-q', '-'], {
    stdin: `FROM busybox:local\nRUN : ${secret('command')} > /kept\n`,
    env: { DOCKER_BUILDKIT: '1' },
  })
  assert.equal(kept.exit, 0, kept.stderr)
  exec = (await make(`/containers/${id}/exec`, { Cmd: ['echo', secret('command')] })).Id
  type Inspected = { readonly NetworkSettings: { readonly IPAddress: string } }
  address = (await onEngine<Inspected>(`/containers/${id}/json`)).NetworkSettings.IPAddress
  assert.match(address, /^[0-9.]+$/)
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
})

function make(path: string, body: unknown): Promise<{ readonly Id: string }> {
  return onEngine(path, { method: 'POST', body })
}

async function get(who: string, path: string): Promise<string> {
  const door = gateway.door(gateway.identity(who))
  const answer = await askDoor(door, { method: 'GET', path })
  assert.equal(answer.status, 200, `${path}: ${answer.body.toString()}`)
  return answer.body.toString()
}

/** Everything that tells of one of the things above. */
function paths(): readonly string[] {
  const named = encodeURIComponent(JSON.stringify({ name: [word] }))
  const since = `since=${Date.now() / 1000 - 120}&until=${Date.now() / 1000}`
  const mine = encodeURIComponent(JSON.stringify({ container: [id] }))
  return [
    `/containers/${id}/json`,
    `/containers/json?filters=${named}`,
    `/exec/${exec}/json`,
    `/images/${word}/json`,
    `/images/${image}/json`,
    `/images/${image}/history`,
    `/volumes/${word}`,
    `/volumes?filters=${named}`,
    `/containers/${id}/top`,
    `/containers/${id}/top?ps_args=axe`,
    `/containers/${id}/top?ps_args=-eo+pid,args`,
    '/networks/bridge',
    `/events?${since}&filters=${mine}`,
    '/system/df',
    `/containers/${id}/logs?stdout=1&details=1`,
  ]
}

/** Files and streams of bytes, and profiles of the engine's own. */
const contents =
  /^(ContainerExport|ContainerArchive|ContainerAttachWebsocket|ImageGet|ImageGetAll|Debug\w+)$/

/** Every question of the catalog, about the things above where it is about one. */
function everyQuestion(): readonly string[] {
  const things: Readonly<Record<string, string>> = { container: id, image, volume: word, exec }
  const queries: Readonly<Record<string, string>> = {
    SystemEvents: `?since=${Date.now() / 1000 - 120}&until=${Date.now() / 1000}`,
    ContainerStats: '?stream=0&one-shot=1',
    ContainerList: '?all=1&size=1',
    ContainerLogs: '?stdout=1&stderr=1&details=1',
    ContainerTop: '?ps_args=axe',
    ImageSearch: '?term=x/y',
  }
  return catalog
    .filter((one) => one.method === 'GET' && !contents.test(one.id) && !isOwn(one))
    .flatMap(({ id: endpoint, path, refers = 'network' }) => {
      const name = encodeURIComponent(things[refers] ?? 'bridge')
      const filled = `${path.replaceAll(/\{[a-z]+\}/g, name)}${queries[endpoint] ?? ''}`
      return ['', '/v1.24', '/v1.30', '/v1.41'].map((version) => `${version}${filled}`)
    })
}

function valueOf(kind: string): string {
  return kind === 'addresses' ? address : secret(kind)
}

describe('what is hidden', () => {
  for (const kind of kinds) {
    it(`is nowhere to be read: ${kind}`, async () => {
      let told = 0
      for (const path of paths()) {
        const raw = (await askEngine(path)).body.toString()
        if (raw.includes(valueOf(kind))) told++
        const said = await get(`no-${kind}`, path)
        assert.ok(!said.includes(valueOf(kind)), `${path}: ${said}`)
      }
      assert.ok(told > 0, 'the engine itself tells it')
    })
  }

  it('is all of it hidden by one role', async () => {
    for (const path of paths()) {
      const said = await get('nothing', path)
      for (const kind of kinds) assert.ok(!said.includes(valueOf(kind)), `${path}: ${said}`)
    }
  })

  it('is in no answer of the catalog, at any version', async () => {
    const door = gateway.door(gateway.identity('nothing'))
    const questions = everyQuestion()
    let answered = 0
    for (const path of questions) {
      const { status, body } = await askDoor(door, { method: 'GET', path })
      if (status === 200) answered++
      for (const kind of kinds) assert.ok(!body.includes(valueOf(kind)), `${path}: ${String(body)}`)
    }
    assert.ok(answered > 60, `${answered} of ${questions.length} were answered`)
  })

  it('leaves a log what it is, without the details before its lines', async () => {
    const path = `/containers/${id}/logs?stdout=1&details=1`
    assert.match((await askEngine(path)).body.toString(), new RegExp(secret('env')))
    for (const who of ['nothing', 'hiding-viewer']) assert.match(await get(who, path), /said\n$/)
  })

  it('is not what a command shows, where the environment alone is hidden', async () => {
    assert.match(await get('no-env', `/containers/${id}/top`), new RegExp(secret('command')))
    assert.doesNotMatch(
      await get('no-env', `/containers/${id}/top?ps_args=axe`),
      new RegExp(secret('env')),
    )
  })

  it('is hidden in events that come one by one', async () => {
    const connection = await RawConnection.open(gateway.door(gateway.identity('no-command')))
    connection.send(requestBytes({ method: 'GET', path: '/events' }))
    await connection.until('\r\n\r\n')
    await make(`/containers/${id}/exec`, { Cmd: ['echo', secret('command')] })
    const said = (await connection.until(`"exec_create: `))?.toString() ?? ''
    const rest = (await connection.until('\n'))?.toString() ?? ''
    connection.close()
    assert.ok(!`${said}${rest}`.includes(secret('command')))
  })
})

/** Where the one is not the other, as pairs of what stands there. */
function differences(one: unknown, other: unknown, at = ''): string[] {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) {
    return Object.is(one, other) ? [] : [`${at}: ${JSON.stringify(other)}`]
  }
  assert.deepEqual(Object.keys(other), Object.keys(one), at)
  return Object.entries(one).flatMap(([key, value]) =>
    differences(value, (other as Readonly<Record<string, unknown>>)[key], `${at}.${key}`),
  )
}

/** The engine tells mounts and exec ids in another order each time. */
function inOrder(text: string): unknown {
  type Inspected = {
    readonly Mounts: readonly { readonly Destination: string }[]
    readonly ExecIDs: readonly string[]
  }
  const value: Inspected = JSON.parse(text)
  return {
    ...value,
    Mounts: value.Mounts.toSorted((one, other) => (one.Destination < other.Destination ? -1 : 1)),
    ExecIDs: value.ExecIDs.toSorted(),
  }
}

describe('what is not hidden', () => {
  it('stays as it is, also the names of what is hidden, and how many there are', async () => {
    const raw = (await askEngine(`/containers/${id}/json`)).body.toString()
    const rows = {
      env: [
        '.Config.Env.0: "PASSWORD=***"',
        '.Config.Env.1: "EMPTY=***"',
        '.Config.Env.2: "QUOTED=***"',
      ],
      args: [],
      labels: ['.Config.Labels.com.example.note: "***"', '.Config.Labels.plain: "***"'],
    }
    for (const [kind, expected] of Object.entries(rows)) {
      const said = await get(`no-${kind}`, `/containers/${id}/json`)
      const found = differences(inOrder(raw), inOrder(said))
      // Whatever the image itself sets stands there too.
      assert.deepEqual(
        found.filter((one) => !/PATH=/.test(one)),
        expected,
      )
    }
    const path = `/images/${word}/json`
    assert.equal(await get('no-args', path), (await askEngine(path)).body.toString())
    const said = await get('no-labels', `/containers/${id}/json`)
    assert.ok(said.includes('QUOTED=\\"<&>\\"é'))
  })

  it('keeps the path inside of the container, and a volume’s name', async () => {
    const said = await get('no-mounts', `/containers/${id}/json`)
    type Inspected = { readonly HostConfig: { readonly Binds: readonly string[] } }
    const { HostConfig }: Inspected = JSON.parse(said)
    assert.deepEqual(HostConfig.Binds, ['***:/bound:ro', `${word}:/volume`])
  })

  it('keeps labels that the pattern does not mean', async () => {
    for (const path of [`/containers/${id}/json`, `/volumes/${word}`, `/images/${word}/json`]) {
      const said = await get('some-labels', path)
      assert.match(said, /"com\.example\.note":"\*\*\*"/)
      if (!path.startsWith('/images')) assert.match(said, /"plain":"kept"/)
    }
  })

  it('keeps the steps of a build, without their arguments and variables', async () => {
    type Step = { readonly CreatedBy: string }
    const steps: Step[] = JSON.parse(await get('no-args', `/images/${image}/history`))
    const run = steps.find(({ CreatedBy }) => CreatedBy.startsWith('|'))
    assert.equal(run?.CreatedBy, `|2 *** /bin/sh -c : ${secret('command')} > /made`)
    assert.ok(steps.some(({ CreatedBy }) => CreatedBy.endsWith(' ARG BUILT=***')))
    assert.ok(steps.some(({ CreatedBy }) => CreatedBy.endsWith(' ARG GIVEN')))
    const others: Step[] = JSON.parse(await get('no-env', `/images/${image}/history`))
    assert.ok(others.some(({ CreatedBy }) => CreatedBy.endsWith(' ENV TOKEN=***')))
  })

  it('is read by docker as ever', async () => {
    const target = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath('nothing'))
    for (const program of dockerPrograms) {
      for (const args of [
        ['ps', '--no-trunc', '--filter', `name=${word}`],
        ['inspect', id],
        ['image', 'inspect', image],
        ['history', image],
        ['volume', 'ls'],
        ['network', 'inspect', 'bridge'],
        ['top', id],
        ['system', 'df', '-v'],
        ['info'],
      ]) {
        const { exit, stdout, stderr } = await runDocker(target, args, { program })
        assert.equal(exit, 0, `${args.join(' ')}: ${stderr}`)
        for (const kind of kinds) assert.ok(!stdout.includes(valueOf(kind)), args.join(' '))
      }
    }
  })
})

describe('of several roles', () => {
  it('the one that hides less decides about a thing that both reach', async () => {
    const who = `both-${word}`
    const own = await make(`/containers/create?name=${word}-own`, {
      Image: 'busybox:local',
      Env: [`PASSWORD=${secret('env')}`],
      Labels: { 'dockgate.owner': who, 'dockgate.team': '' },
    })
    assert.match(await get(who, `/containers/${own.Id}/json`), new RegExp(secret('env')))
    assert.doesNotMatch(await get(who, `/containers/${id}/json`), new RegExp(secret('env')))
    assert.match(await get('either', `/containers/${id}/json`), new RegExp(secret('env')))
  })
})
