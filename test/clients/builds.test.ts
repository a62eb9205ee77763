import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  dockerPrograms,
  onSocket,
  runDocker,
  throughTls,
  type RunResult,
  type Target,
} from '../helpers/docker-cli.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const word = uniqueName('builds')
const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
`

let gateway: GatewayProcess
let alice: Target
const folder = mkdtempSync(join(tmpdir(), 'dockgate-builds-'))
before(async () => {
  gateway = await startGatewayProcess({ roles })
  alice = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath('alice'))
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
  rmSync(folder, { recursive: true })
})

type Files = Readonly<Record<string, string | { readonly link: string }>>

function contextOf(files: Files): string {
  const context = mkdtempSync(join(folder, 'context-'))
  for (const [path, content] of Object.entries(files)) {
    const file = join(context, path)
    mkdirSync(dirname(file), { recursive: true })
    if (typeof content === 'string') writeFileSync(file, content)
    else symlinkSync(content.link, file)
  }
  return context
}

interface Row {
  readonly title: string
  readonly files: Files
  readonly args?: readonly string[]
  /** For each command line; else for the newest alone. */
  readonly each?: true
  /** Sent on standard input in place of a context; `-` is the context's argument then. */
  readonly stdin?: (context: string) => Buffer
}

const tar = (context: string): Buffer =>
  spawnSync('tar', ['-C', context, '-c', '.'], { maxBuffer: 1 << 26 }).stdout

const rows: readonly Row[] = [
  {
    title: 'files, folders, links and modes',
    each: true,
    files: {
      Dockerfile: 'FROM busybox\nCOPY . /app\nWORKDIR /app\nRUN ls -lR > /listing\nCMD ["sh"]\n',
      'a.txt': 'a',
      'deep/er/b.txt': 'b',
      'deep/link': { link: 'er/b.txt' },
      [`long-${'x'.repeat(90)}/${'y'.repeat(90)}/name`]: 'long',
      'ünïcode/ß': 'u',
    },
  },
  {
    title: 'a .dockerignore that hides itself and the Dockerfile',
    files: {
      Dockerfile: 'FROM busybox\nCOPY . /app\n',
      '.dockerignore': '# comment\n*.log\nDockerfile*\n.dockerignore\n!keep.log\n',
      'a.log': 'a',
      'keep.log': 'k',
      'b.txt': 'b',
    },
  },
  {
    title: 'a .dockerignore with an exception for everything',
    files: {
      Dockerfile: 'FROM busybox\nCOPY . /app\n',
      '.dockerignore': '**\n!src/**\n',
      'src/a': 'a',
      other: 'o',
    },
  },
  {
    title: 'another Dockerfile with -f',
    each: true,
    files: {
      'docker/prod.Dockerfile': 'FROM busybox\nCOPY x /x\n',
      Dockerfile: 'FROM nothing\n',
      x: 'x',
    },
    args: ['-f', 'docker/prod.Dockerfile'],
  },
  {
    title: 'stages, by name and position, with arguments',
    each: true,
    files: {
      Dockerfile: [
        'ARG IMAGE=nothing',
        'FROM ${IMAGE}:local AS Build',
        'ARG VERSION=1',
        'ENV NAME="a $VERSION \\"quoted\\""',
        'RUN echo "$VERSION" \\',
        '  # a comment',
        '  && echo "$NAME" > /out',
        'FROM build AS again',
        'FROM busybox',
        'COPY --from=build --chown=1:2 /out /from-name',
        'COPY --from=1 /out /from-position',
        'COPY --from=busybox:local /etc/passwd /from-image',
        'LABEL a="b c" d=e',
        'LABEL old form',
        'EXPOSE 80',
        'VOLUME /data',
        'HEALTHCHECK --interval=1s CMD true',
        'ENTRYPOINT ["/bin/sh", "-c"]',
        'ONBUILD COPY . /onbuild',
        'ONBUILD RUN echo built',
      ].join('\n'),
    },
    args: ['--build-arg', 'IMAGE=busybox', '--build-arg', 'VERSION=2', '--label', 'x=y'],
  },
  {
    title: 'a target',
    files: { Dockerfile: 'FROM busybox AS one\nRUN echo 1 > /1\nFROM busybox\nRUN false\n' },
    args: ['--target', 'one'],
  },
  {
    title: 'ADD with variables, quotes and an archive',
    files: {
      Dockerfile:
        'FROM busybox\nARG V=1\nADD app-${V}.txt ["]\nADD "app-1.txt" /quoted\nADD ["app-${V}.txt", "/json"]\nADD in*.txt /globbed/\nADD ${V}.tgz /unpacked/\n'.replace(
          'ADD app-${V}.txt ["]\n',
          'ADD app-${V}.txt /plain\n',
        ),
      'app-1.txt': 'app',
      'in-1.txt': '1',
      'in-2.txt': '2',
      '1.tgz': 'no archive after all',
    },
  },
  {
    title: 'from scratch, with Windows line ends and a byte order mark',
    files: { Dockerfile: '\ufeff# escape=`\r\nFROM scratch\r\nCOPY `\r\n  a /a\r\n', a: 'a' },
  },
  {
    title: 'a context on standard input',
    files: { Dockerfile: 'FROM busybox\nCOPY . /app\n', a: 'a' },
    stdin: tar,
  },
  {
    title: 'a compressed context on standard input',
    files: { Dockerfile: 'FROM busybox\nCOPY . /app\n', a: 'a' },
    stdin: (context) => gzipSync(tar(context)),
  },
  {
    title: 'a Dockerfile on standard input',
    each: true,
    files: { Dockerfile: 'FROM busybox\nRUN echo 1 > /1\n' },
    stdin: (context) => readFileSync(join(context, 'Dockerfile')),
  },
]

async function build(
  program: string,
  target: Target,
  row: Row,
  context: string,
  tag: string,
): Promise<RunResult> {
  const source = row.stdin === undefined ? '.' : '-'
  const args = ['build', '--no-cache', '-t', tag, ...(row.args ?? []), source]
  return runDocker(target, args, {
    program,
    cwd: context,
    env: { DOCKER_BUILDKIT: '0' },
    ...(row.stdin === undefined ? {} : { stdin: row.stdin(context) }),
  })
}

interface Layer {
  readonly CreatedBy: string
}

/** Configuration, history and every file of an image, but for what the gateway says of its owner. */
async function shown(image: string): Promise<unknown> {
  const { Config } = await onEngine<{ Config: Record<string, unknown> }>(`/images/${image}/json`)
  const labels = Object.entries((Config['Labels'] ?? {}) as Record<string, string>)
  const history = await onEngine<readonly Layer[]>(`/images/${image}/history`)
  const made = await onEngine<{ Id: string }>('/containers/create', {
    method: 'POST',
    body: { Image: image, Cmd: ['x'] },
  })
  const archive = join(folder, `${made.Id}.tar`)
  await runDocker(onSocket(), ['export', '-o', archive, made.Id])
  const listing = spawnSync('tar', ['-tvf', archive], { encoding: 'utf8', maxBuffer: 1 << 26 })
  const extracted = spawnSync('tar', ['-xOf', archive], { maxBuffer: 1 << 26 })
  await onEngine(`/containers/${made.Id}?v=1`, { method: 'DELETE' })
  const { Hostname: _, Image: __, Labels: ___, Cmd: ____, ...config } = Config
  return {
    config,
    labels: labels.filter(([name]) => !name.startsWith('dockgate.')),
    history: history.map(({ CreatedBy }) => CreatedBy).filter((by) => !by.includes('dockgate.')),
    files: listing.stdout.split('\n').map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, '')),
    // Also what `ls -l` wrote into a file tells the minute.
    contents: extracted.stdout.toString('latin1').replaceAll(/\w{3} +\d+ \d\d:\d\d/g, ''),
  }
}

for (const program of dockerPrograms) {
  describe(`what ${program} builds through the gateway`, () => {
    for (const [index, row] of rows.entries()) {
      if (row.each !== true && program !== dockerPrograms.at(-1)) continue
      it(`is what it builds without: ${row.title}`, async () => {
        const context = contextOf(row.files)
        const tags = [`${word}-plain-${index}`, `${word}-gated-${index}`] as const
        const plain = await build(program, onSocket(), row, context, tags[0])
        const gated = await build(program, alice, row, context, tags[1])
        assert.equal(plain.exit, 0, plain.stdout + plain.stderr)
        assert.equal(gated.exit, 0, gated.stdout + gated.stderr)
        assert.deepEqual(await shown(tags[1]), await shown(tags[0]))
      })
    }

    it('is found in the cache the second time', async () => {
      const context = contextOf({
        Dockerfile: 'FROM busybox\nCOPY . /app\nRUN echo once\n',
        '.dockerignore': 'other\n',
        a: 'a',
      })
      const args = ['build', '-t', `${word}-cached`, '.']
      const options = { program, cwd: context, env: { DOCKER_BUILDKIT: '0' } }
      assert.equal((await runDocker(alice, args, options)).exit, 0)
      const again = await runDocker(alice, args, options)
      assert.equal(again.stdout.match(/Using cache/g)?.length, 5, again.stdout)
    })

    it('tells a refusal in words, also while much is still to be sent', async () => {
      const context = contextOf({ Dockerfile: 'FROM busybox\nADD http://example.com/x /x\n' })
      writeFileSync(join(context, 'large'), Buffer.alloc(60 << 20, 'x'))
      const result = await runDocker(alice, ['build', '.'], {
        program,
        cwd: context,
        env: { DOCKER_BUILDKIT: '0' },
      })
      assert.match(
        result.stderr,
        /Error response from daemon: dockgate: alice may not image\.build here: ADD http:\/\/example\.com is not allowed by role "developer"/,
      )
      assert.equal(result.exit, 1)
    })

    it('is refused with its line where it needs BuildKit', async () => {
      const context = contextOf({ Dockerfile: 'FROM busybox\n\nRUN <<EOF\ntrue\nEOF\n' })
      const options = { program, cwd: context, env: { DOCKER_BUILDKIT: '0' } }
      const { stderr } = await runDocker(alice, ['build', '.'], options)
      assert.match(stderr, /dockgate: Dockerfile line 3: heredocs need BuildKit \(quote \w+\)/)
    })
  })
}

describe('a build whose base image is not on the engine', () => {
  it('fetches it from its registry, and says what the registry says', async () => {
    const context = contextOf({ Dockerfile: `FROM localhost:5000/${word}/base\nRUN true\n` })
    const name = `localhost:5000/${word}/base`
    const push = async (...args: string[]): Promise<void> => {
      assert.equal((await runDocker(onSocket(), args)).exit, 0)
    }
    await push('tag', 'busybox:local', name)
    await push('push', name)
    await push('rmi', name)
    const options = { cwd: context, env: { DOCKER_BUILDKIT: '0' } }
    const args = ['build', '-t', `${word}-fetched`, '.']
    const { exit, stderr } = await runDocker(alice, args, options)
    assert.equal(exit, 0, stderr)
    const pulled = await runDocker(alice, ['build', '--pull', '-t', `${word}-pulled`, '.'], options)
    assert.equal(pulled.exit, 0, pulled.stderr)
    await push('rmi', name)
    writeFileSync(join(context, 'Dockerfile'), `FROM localhost:5000/${word}/none\n`)
    const missing = await runDocker(alice, args, options)
    assert.equal(missing.exit, 1)
    assert.match(missing.stderr, /none|manifest|not found/)
  })
})

describe('a large context', () => {
  it('leaves the memory of the gateway flat', async () => {
    const context = contextOf({ Dockerfile: 'FROM busybox\nCOPY small /\n', small: 's' })
    for (let index = 0; index < 4; index++) {
      writeFileSync(join(context, `large-${index}`), Buffer.alloc(50 << 20, index))
    }
    const rss = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1])
    const first = rss()
    let most = first
    const timer = setInterval(() => (most = Math.max(most, rss())), 20)
    const { exit, stderr } = await runDocker(alice, ['build', '.'], {
      cwd: context,
      env: { DOCKER_BUILDKIT: '0' },
    })
    clearInterval(timer)
    assert.equal(exit, 0, stderr)
    assert.ok(most - first < 80 * 1024, `grew by ${most - first} KiB`)
  })
})
