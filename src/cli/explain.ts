// `dockgate explain`: what the policy says to a request that nobody has to make.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { loadPolicy, loadSettings } from '../config/load.ts'
import { readOperation } from '../docker/read.ts'
import { isFailure } from '../errors.ts'
import { readPrincipal } from '../identity/certificate.ts'
import type { Principal } from '../identity/principal.ts'
import { admit } from '../policy/authorize.ts'
import { readArguments, UsageError } from './arguments.ts'
import { readSubject } from './roles.ts'
import type { Verb } from './verb.ts'

const help = `usage: dockgate explain (--as WHO | --cert FILE) [--address IP] [--json] METHOD PATH

Says what would become of a request: the decision, the role, the grant's line in roles.yaml. The
engine is not asked, so a role that reaches only some things is "asked on": it depends on whose the
thing is.

examples:
  dockgate explain --as alice GET /containers/json
  dockgate explain --as name=alice,unit=dev,org=Example POST /containers/create
  dockgate explain --cert certs/clients/alice/cert.pem DELETE '/containers/web?force=1'
`

export const explain: Verb = {
  name: 'explain',
  summary: 'what the policy says to a request, and why',
  help,
  async run(args, io) {
    const { values, positionals } = readArguments(
      args,
      {
        as: { type: 'string' },
        cert: { type: 'string' },
        address: { type: 'string' },
        json: { type: 'boolean' },
      },
      { min: 2, max: 2, usage: 'dockgate explain --as WHO METHOD PATH' },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const [method = '', path = ''] = positionals
    const principal = principalOf(values)
    const policy = loadPolicy(loadSettings(io.env, io.cwd).rolesPath)
    const address = values.address ?? '127.0.0.1'
    const now = io.now().getTime()
    const grants = policy.grantsOf(principal, address, now)
    const roles = policy.rolesOf(principal, address, now)
    const operation = readOperation(method.toUpperCase(), path)
    const base = {
      who: principal.name,
      roles: roles.map((role) => role.name),
      grants: grants.map((grant) => ({ line: grant.line, roles: grant.roles })),
    }
    const answer = isFailure(operation)
      ? { ...base, operation: null, decision: 'refuse', role: null, reason: operation.message }
      : {
          ...base,
          operation: operation.permission,
          ...explained(admit(roles, principal, operation)),
        }
    if (values.json === true) {
      io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    } else {
      const lines = answer.grants.map(
        (grant) => `roles.yaml:${grant.line} gives ${grant.roles.join(', ')}`,
      )
      io.stdout.write(
        [
          `${answer.who}: ${answer.operation ?? 'unreadable'}: ${answer.decision}`,
          ...(answer.role === null ? [] : [`  role    ${answer.role}`]),
          `  reason  ${answer.reason}`,
          ...lines.map((line) => `  grant   ${line}`),
          '',
        ].join('\n'),
      )
    }
    return answer.decision === 'allow' || answer.decision === 'ask' ? 0 : 1
  },
}

interface Explained {
  readonly decision: 'allow' | 'ask' | 'deny'
  readonly role: string | null
  readonly reason: string
}

function explained(admission: ReturnType<typeof admit>): Explained {
  if ('allow' in admission) {
    return { decision: 'deny', role: admission.role ?? null, reason: admission.message }
  }
  if ('through' in admission) {
    return {
      decision: 'allow',
      role: admission.through.name,
      reason: 'its role has no limits here',
    }
  }
  const [role] = admission.judge
  const reason = admission.judge
    .map((one) => `role "${one.name}" allows it on ${one.on.kind}, within its limits`)
    .join('; ')
  return { decision: 'ask', role: role?.name ?? null, reason }
}

function principalOf(values: { as?: string | undefined; cert?: string | undefined }): Principal {
  if (values.cert !== undefined && values.as === undefined) {
    const cert = new X509Certificate(readFileSync(values.cert))
    const fingerprint = cert.fingerprint256.replaceAll(':', '').toLowerCase()
    const principal = readPrincipal(cert.raw, fingerprint)
    if (isFailure(principal)) throw new Error(principal.detail ?? principal.message)
    return principal
  }
  if (values.as === undefined || values.cert !== undefined) {
    throw new UsageError('say who: either --as WHO or --cert FILE')
  }
  const facts = readSubject(values.as)
  const list = (kind: string): readonly string[] => {
    const value = facts[kind]
    return value === undefined ? [] : [value]
  }
  return {
    name: facts['name'] ?? '',
    org: list('org'),
    unit: list('unit'),
    dns: list('dns'),
    email: list('email'),
    uri: list('uri'),
    ip: list('ip'),
    serial: facts['serial'] ?? '',
    fingerprint: `as:${values.as}`,
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
  }
}
