// A request judged as the gateway does it, without an engine: `known` stands for what that would say.
import assert from 'node:assert/strict'
import { isJudgeable, readBody, writeBody } from '../../src/docker/body.ts'
import type { JsonObject, Operation, Reference, Thing } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { parseRoles } from '../../src/config/roles-file.ts'
import { isFailure } from '../../src/errors.ts'
import { admit, authorize } from '../../src/policy/authorize.ts'
import { compilePolicy } from '../../src/policy/policy.ts'
import type { Role } from '../../src/policy/role.ts'
import { person } from './person.ts'

export const alice = person('alice', { unit: ['dev'], org: ['Example'] })

/** A role that may everything within these limits, as roles.yaml says them. */
export function limitedRole(limits: string, on = 'all'): Role {
  const text = `roles:\n  r: { allow: ["*"], on: ${on}, limits: ${limits} }\n`
  const parsed = parseRoles(text, 'roles.yaml')
  assert.ok('file' in parsed, 'faults' in parsed ? JSON.stringify(parsed.faults) : '')
  const role = compilePolicy(parsed.file, '').roles.get('r')
  assert.ok(role)
  return role
}

export const safeRole = limitedRole('{}')

/** `POST /containers/create?name=web` with its body, read; the refusal's words where it cannot be. */
export function read(line: string, body?: unknown): Operation | string {
  const [method = '', target = ''] = line.split(' ')
  const operation = readOperation(method, target)
  if (isFailure(operation)) return operation.message
  if (!isJudgeable(operation)) return operation
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {})
  const whole = readBody(operation, Buffer.from(text), 'application/json')
  return isFailure(whole) ? whole.message : whole
}

export interface Scene {
  readonly things?: readonly Thing[]
  /** Where paths of the engine's host lead. */
  readonly paths?: Readonly<Record<string, string>>
}

export interface Judgement {
  /** What speaks against it, or nothing. */
  readonly against: string | undefined
  readonly sent: JsonObject | undefined
  readonly target: string | undefined
}

export function judge(role: Role, line: string, body?: unknown, scene: Scene = {}): Judgement {
  const refused = (against: string): Judgement => ({ against, sent: undefined, target: undefined })
  const operation = read(line, body)
  if (typeof operation === 'string') return refused(operation)
  const admission = admit([role], alice, operation)
  assert.ok('judge' in admission)
  const things = resolve(operation, scene.things ?? [])
  const paths = new Map(Object.entries(scene.paths ?? {}))
  const decision = authorize(admission.judge, alice, operation, things, paths)
  if (!decision.allow) {
    const { objections, message } = decision
    return refused(objections.map((one) => one.message).join('; ') || message)
  }
  const { body: sent, target } = decision.operation
  return {
    against: undefined,
    // What goes over the wire, not what stands in memory.
    sent: sent === undefined ? undefined : (JSON.parse(writeBody(sent)) as JsonObject),
    target: formatTarget(target),
  }
}

export function resolve(
  { references }: Operation,
  things: readonly Thing[],
): ReadonlyMap<Reference, Thing | undefined> {
  return new Map(
    references.map((reference) => [
      reference,
      things.find(
        ({ kind, name, id }) =>
          kind === reference.kind && (name === reference.name || id === reference.name),
      ),
    ]),
  )
}
