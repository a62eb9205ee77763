// A compose project as a tenant, beside the same project of another: up, exec, logs, down, nothing left.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runDocker, throughTls, type RunResult } from '../helpers/docker-cli.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const program = '/usr/bin/docker-compose'
const word = uniqueName('shop').replaceAll('-', '')
const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
`
const composed = `version: "3.7"
x-all: &all { image: "busybox:local", stop_grace_period: 0s }
services:
  db: { <<: *all, command: sleep 600, volumes: ["data:/data"] }
  app: { build: ., stop_grace_period: 0s, depends_on: [db], networks: [default, back] }
  web: { <<: *all, command: "sh -c 'echo web is up; sleep 600'", depends_on: [app], ports: ["80"] }
volumes: { data: {} }
networks: { back: {} }
`

let gateway: GatewayProcess
const folder = mkdtempSync(join(tmpdir(), 'dockgate-compose-'))
before(async () => {
  gateway = await startGatewayProcess({ roles })
  writeFileSync(join(folder, 'docker-compose.yml'), composed)
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM busybox:local\nRUN echo app > /app\nCMD ["sleep", "600"]\n',
  )
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
  rmSync(folder, { recursive: true })
})

function compose(who: string, project: string, ...args: readonly string[]): Promise<RunResult> {
  const target = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(who))
  return runDocker(target, ['-p', `${word}${project}`, ...args], { program, cwd: folder })
}

async function must(who: string, project: string, ...args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await compose(who, project, ...args)
  assert.equal(exit, 0, `${who}: ${args.join(' ')}: ${stderr}`)
  return `${stdout}${stderr}`
}

/** What is on the engine of these projects, by kind. */
async function left(project: string): Promise<readonly number[]> {
  const name = `${word}${project}`
  const rows = await onEngine<readonly { Names: readonly string[] }[]>('/containers/json?all=1')
  const images = await onEngine<readonly { RepoTags: readonly string[] | null }[]>('/images/json')
  const networks = await onEngine<readonly { Name: string }[]>('/networks')
  const { Volumes } = await onEngine<{ Volumes: readonly { Name: string }[] | null }>('/volumes')
  return [
    rows.flatMap(({ Names }) => Names),
    images.flatMap(({ RepoTags }) => RepoTags ?? []),
    networks.map((network) => network.Name),
    (Volumes ?? []).map((volume) => volume.Name),
  ].map((names) => names.filter((one) => one.includes(name)).length)
}

describe('a compose project of a tenant', { skip: !existsSync(program) }, () => {
  it('comes up, answers and goes down, with nothing left', async () => {
    await must('alice', 'a', 'up', '-d')
    assert.deepEqual(await left('a'), [3, 1, 2, 1])
    assert.match(await must('alice', 'a', 'exec', '-T', 'app', 'cat', '/app'), /^app/m)
    assert.match(await must('alice', 'a', 'logs', 'web'), /web is up/)

    const refused = await compose('bob', 'a', 'up', '-d')
    assert.equal(refused.exit, 1)
    assert.match(
      refused.stderr,
      /name .* is taken by somebody else; .* another project \(-p NAME\)/,
    )
    // It was nothing of his that he took down.
    await must('bob', 'a', 'down', '-v', '--rmi', 'local')
    await must('bob', 'b', 'up', '-d')
    assert.deepEqual(
      [await left('a'), await left('b')],
      [
        [3, 1, 2, 1],
        [3, 1, 2, 1],
      ],
    )
    await must('bob', 'b', 'down', '-v', '--rmi', 'local')
    assert.match(await must('alice', 'a', 'exec', '-T', 'app', 'cat', '/app'), /^app/m)

    await must('alice', 'a', 'down', '-v', '--rmi', 'local')
    assert.deepEqual(
      [await left('a'), await left('b')],
      [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    )
  })
})
