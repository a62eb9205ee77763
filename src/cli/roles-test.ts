// `dockgate roles test`: cases of who may what, held against the policy; fit for CI.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { FaultyConfig, loadPolicy } from '../config/load.ts'
import { parseRoleCases, type RoleCase } from '../config/role-cases.ts'
import { placesOf } from '../config/settings.ts'
import { admit } from '../policy/authorize.ts'
import { canonicalAddress } from '../policy/network.ts'
import type { Policy } from '../policy/policy.ts'
import { readArguments, UsageError } from './arguments.ts'
import { explained } from './explained.ts'
import { recordedRequests } from './recorded-requests.ts'
import { principalAs } from './subject.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate roles test FILE… [--roles FILE] [--json]'
const help = `usage: ${usage}

Holds each case of FILE against roles.yaml, or against --roles FILE. The engine is not asked: what a case
names is taken for theirs.

cases:
  - { who: alice, permission: container.ls, expect: allow }
  - { who: "unit=dev,org=Example", permission: container.export, expect: deny }
  - { who: alice, run: docker run -v /:/host busybox, expect: deny, because: limits.binds }
  - who: ci
    from: 192.0.2.7                # for grants that hold from some networks
    at: 2027-01-31T18:00:00Z       # for grants that end; now where it is not said
    request: POST /containers/create
    body: { Image: busybox, HostConfig: { Memory: 67108864 } }
    expect: allow
    role: builder                  # by which role

"because" must stand in the reason. A docker command is run against a socket that writes its requests down
and does nothing; it is allowed if all of them are. A body that is a text is sent as it is.

Exit code 0: all as expected; 1: not; 2: used wrongly.

examples:
  dockgate roles test policy.test.yaml
  dockgate roles test policy.test.yaml --roles candidate.yaml --json
`

interface Outcome {
  readonly decision: 'allow' | 'deny'
  readonly role: string | null
  readonly reason: string
}

interface Result {
  readonly file: string
  readonly line: number
  readonly title: string
  readonly ok: boolean
  readonly expected: {
    readonly decision: string
    readonly because?: string
    readonly role?: string
  }
  readonly got: Outcome
}

export async function testRoles(args: string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    { roles: { type: 'string' }, json: { type: 'boolean' } },
    { min: 1, max: Infinity, usage },
  )
  if (values.help === true) {
    io.stdout.write(help)
    return 0
  }
  const rolesPath =
    values.roles === undefined ? placesOf(io.env, io.cwd).rolesPath : resolve(io.cwd, values.roles)
  const policy = loadPolicy(rolesPath)
  const results: Result[] = []
  for (const file of positionals) {
    const read = parseRoleCases(readFileSync(resolve(io.cwd, file), 'utf8'), file)
    if ('faults' in read) throw new FaultyConfig(read.faults)
    for (const one of read.cases) results.push(await judgeCase(policy, file, one, io))
  }
  const failed = results.filter(({ ok }) => !ok).length
  if (values.json === true) {
    io.stdout.write(
      `${JSON.stringify({ count: results.length, failed, cases: results }, null, 2)}\n`,
    )
  } else {
    for (const result of results) io.stdout.write(inWords(result))
    io.stdout.write(`${results.length} ${results.length === 1 ? 'case' : 'cases'}, ${failed} failed\n`) // prettier-ignore
  }
  return failed === 0 ? 0 : 1
}

async function judgeCase(policy: Policy, file: string, one: RoleCase, io: Io): Promise<Result> {
  const { expect: decision, because, role } = one
  const got = await outcomeOf(policy, file, one, io)
  return {
    file,
    line: one.line,
    title: titleOf(one),
    ok:
      got.decision === decision &&
      (because === undefined || got.reason.includes(because)) &&
      (role === undefined || got.role === role),
    expected: {
      decision,
      ...(because === undefined ? {} : { because }),
      ...(role === undefined ? {} : { role }),
    },
    got,
  }
}

async function outcomeOf(policy: Policy, file: string, one: RoleCase, io: Io): Promise<Outcome> {
  const principal = principalAs(one.who)
  const address = canonicalAddress(one.from ?? '127.0.0.1')
  if (address === undefined) {
    throw new UsageError(`${file}:${one.line}: ${JSON.stringify(one.from)} is no IP address`)
  }
  const roles = policy.rolesOf(principal, address, one.atMs ?? io.now().getTime())
  const { asks } = one
  if (asks.kind === 'permission') {
    const admission = admit(roles, principal, asks)
    if ('allow' in admission) {
      return { decision: 'deny', role: admission.role ?? null, reason: admission.message }
    }
    const by = 'through' in admission ? admission.through : admission.judge[0]
    const reason = `role "${by?.name}" allows it on ${by?.on.kind}`
    return { decision: 'allow', role: by?.name ?? null, reason }
  }
  const requests =
    asks.kind === 'run'
      ? await recordedRequests(asks.command, io.env)
      : [requestIn(asks.request, asks.body)]
  if (requests.length === 0) {
    throw new Error(`${file}:${one.line}: the command asked nothing of the engine`)
  }
  let last: Outcome | undefined
  for (const request of requests) {
    const answer = await explained(request, principal, roles)
    const { role, reason } = answer
    const needsBody = answer.decision === 'ask' && request.body.length === 0
    if (needsBody && reason.startsWith('it depends on the request body')) {
      throw new Error(`${file}:${one.line}: ${request.method} ${request.target} depends on its body\nhint: body: { Image: busybox }`) // prettier-ignore
    }
    last = {
      decision: isRefusal(answer.decision) ? 'deny' : 'allow',
      role,
      reason: wordsOf(answer),
    }
    if (last.decision === 'deny') return last
  }
  if (last === undefined) throw new Error('INVARIANT: there is a request')
  return last
}

function isRefusal(decision: string): boolean {
  return decision === 'deny' || decision === 'refuse'
}

function wordsOf({ reason, objections }: Awaited<ReturnType<typeof explained>>): string {
  const named = objections.filter(({ limit }) => !reason.includes(limit)).map(({ limit }) => limit)
  return [reason, ...named].join('; ')
}

function requestIn(request: string, body: string | undefined) {
  const [method = '', target = ''] = request.split(' ')
  const bytes = Buffer.from(body ?? '')
  return { method: method.toUpperCase(), target, contentType: 'application/json', body: bytes }
}

function titleOf({ who, from, asks }: RoleCase): string {
  const what =
    asks.kind === 'permission'
      ? asks.permission
      : asks.kind === 'run'
        ? asks.command.join(' ')
        : `${asks.request}${asks.body === undefined ? '' : ` ${shortened(asks.body)}`}`
  return `${who}${from === undefined ? '' : ` from ${from}`}: ${what}`
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function inWords({ file, line, title, ok, expected, got }: Result): string {
  if (ok) return `ok    ${title}\n`
  const { decision, because, role } = expected
  const wanted = [
    decision,
    ...(because === undefined ? [] : [`because "${because}"`]),
    ...(role === undefined ? [] : [`by role "${role}"`]),
  ].join(' ')
  return [
    `FAIL  ${title}  (${file}:${line})`,
    `      - expected ${wanted}`,
    `      + got      ${got.decision}${got.role === null ? '' : ` by role "${got.role}"`}: ${got.reason}`,
    '',
  ].join('\n')
}
