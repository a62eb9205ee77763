// Runs one row of a transparency table on one target, and gives what a person would have seen.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openStdin, runDocker, type RunOptions, type Target } from '../../helpers/docker-cli.ts'
import { removeAll, uniqueName } from '../../helpers/engine.ts'
import { normalize, sortedLines, type Own } from '../../helpers/normalize.ts'
import { shellWords } from '../../helpers/shell-words.ts'
import type { Row, Step } from './row.ts'

interface Seen {
  readonly run: string
  readonly exit: number | string
  readonly stdout?: string
  readonly stderr?: string
}

const otherPrograms = new Set(['sh', 'docker-compose'])

/** Fails where the two ways look different, with the first step that does. */
export function assertSame(through: readonly Seen[], direct: readonly Seen[]): void {
  for (const [index, step] of direct.entries()) assert.deepEqual(through[index], step)
  assert.equal(through.length, direct.length)
}

/** What each step showed. Fails where a step did not do what its row says. */
export async function runRow(row: Row, docker: string, target: Target): Promise<readonly Seen[]> {
  const name = uniqueName('t')
  const dir = mkdtempSync(join(tmpdir(), 'dockgate-row-'))
  const own: Own = { [name]: 'NAME', [dir]: 'DIR', [target['DOCKER_HOST'] ?? '']: 'HOST' }
  const fill = (text: string) =>
    text.replaceAll('$name', name).replaceAll('$dir', dir).replaceAll('$docker', docker)
  try {
    const seen: Seen[] = []
    for (const [path, text] of Object.entries(row.files ?? {})) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), fill(text))
    }
    for (const each of row.steps) {
      const step = typeof each === 'string' ? { run: each } : each
      seen.push(await runStep(step, docker, target, fill, own))
    }
    await removeAll(name)
    return seen
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function runStep(
  step: Step,
  docker: string,
  target: Target,
  fill: (text: string) => string,
  own: Own,
): Promise<Seen> {
  const words = shellWords(step.run).map((word) => fill(word))
  const program = otherPrograms.has(words[0] ?? '') ? words.shift() : docker
  const { stdout, stderr, exit } = await runDocker(target, words, {
    ...optionsOf(step, docker, target, fill),
    program: program ?? docker,
  })
  const output = `${stdout}${stderr}`
  const expected = step.exit ?? 0
  const right = expected === 'any' ? exit !== 'timeout' : exit === expected
  assert.ok(right, `${step.run} ended with ${exit}, not ${expected}:\n${output}`)
  if (step.shows instanceof RegExp) assert.match(output, step.shows, step.run)
  else if (step.shows !== undefined) {
    assert.ok(
      output.includes(fill(step.shows)),
      `${step.run} does not show ${step.shows}:\n${output}`,
    )
  }
  const seen = { run: step.run, exit: expected }
  if (step.compare === 'exit') return seen
  const plain = (text: string) => reduce(normalize(text, own), step.compare)
  return { ...seen, stdout: plain(stdout), stderr: plain(stderr) }
}

function optionsOf(
  step: Step,
  docker: string,
  target: Target,
  fill: (text: string) => string,
): RunOptions {
  const { interrupt, meanwhile } = step
  const when = []
  if (meanwhile !== undefined) {
    const act = () => void runDocker(target, shellWords(fill(meanwhile.run)), { program: docker })
    when.push({ printed: fill(meanwhile.after), act })
  }
  if (interrupt !== undefined) {
    const act = (child: ChildProcess) => child.kill(interrupt.signal)
    when.push({ printed: fill(interrupt.after), act })
  }
  return {
    when,
    // `docker login` writes there, and a second one would say less.
    env: { DOCKER_CONFIG: fill('$dir/.docker'), ...step.env },
    ...(step.terminal === undefined ? {} : { terminal: step.terminal }),
    ...(step.stdin === undefined
      ? {}
      : { stdin: step.stdin === null ? openStdin : fill(step.stdin) }),
  }
}

function reduce(text: string, how: Step['compare']): string {
  if (how === 'lines') return sortedLines(text)
  if (how === 'words') return text.replace(/\d+/g, 'N')
  return text
}
