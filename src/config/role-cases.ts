// A file of cases for a policy, read strictly: who asks what, and what is to come of it.
import { isScalar } from 'yaml'
import { permissions } from '../docker/catalog.ts'
import { nearest } from '../nearest.ts'
import type { Fault } from './fault.ts'
import { readYaml, type Value } from './yaml-node.ts'

export interface RoleCase {
  readonly line: number
  /** As `roles grant` takes it. */
  readonly who: string
  readonly from: string | undefined
  /** Milliseconds since the epoch. */
  readonly atMs: number | undefined
  readonly asks:
    | { readonly kind: 'permission'; readonly permission: string }
    | { readonly kind: 'request'; readonly request: string; readonly body: string | undefined }
    | { readonly kind: 'run'; readonly command: readonly string[] }
  readonly expect: 'allow' | 'deny'
  /** Words that must stand in the reason. */
  readonly because: string | undefined
  /** The role that must have decided. */
  readonly role: string | undefined
}

const keys = ['who', 'from', 'at', 'permission', 'request', 'body', 'run', 'expect', 'because', 'role'] // prettier-ignore

export function parseRoleCases(
  text: string,
  name: string,
): { readonly cases: readonly RoleCase[] } | { readonly faults: readonly Fault[] } {
  const { root, faults } = readYaml(text, name)
  if (faults.length > 0) return { faults }
  const list = root.entries(['cases']).get('cases')
  const items = list?.items() ?? []
  // A file without cases would pass whatever the policy says.
  if (items.length === 0) root.fault('it holds no case', 'cases: [{ who: alice, permission: container.ls, expect: allow }]') // prettier-ignore
  const cases = items.flatMap((item) => readCase(item) ?? [])
  return faults.length > 0 ? { faults } : { cases }
}

function readCase(value: Value): RoleCase | undefined {
  const entries = value.entries(keys)
  const text = (key: string): string | undefined => entries.get(key)?.text()
  const who = text('who')
  const expect = text('expect')
  const at = text('at')
  const atMs = at === undefined ? undefined : Date.parse(at)
  const asks = readAsked(value, entries)
  if (atMs !== undefined && Number.isNaN(atMs)) {
    entries.get('at')?.fault(`${JSON.stringify(at)} is no time`, '2027-01-31T18:00:00Z')
  }
  if (!entries.has('who')) value.fault('it does not say who asks', 'who: alice')
  if (expect !== 'allow' && expect !== 'deny') {
    ;(entries.get('expect') ?? value).fault('what it expects is allow or deny', 'expect: deny')
    return undefined
  }
  if (who === undefined || asks === undefined) return undefined
  const [from, because, role] = [text('from'), text('because'), text('role')]
  return { line: value.line, who, from, atMs, asks, expect, because, role }
}

function readAsked(
  value: Value,
  entries: ReadonlyMap<string, Value>,
): RoleCase['asks'] | undefined {
  const said = ['permission', 'request', 'run'].filter((key) => entries.has(key))
  if (said.length !== 1) {
    return value.fault(
      'it asks one thing',
      'permission: container.ls, request: GET /containers/json, or run: docker ps',
    )
  }
  const body = entries.get('body')
  if (body !== undefined && said[0] !== 'request') body.fault('a body belongs to a request')
  const given = entries.get(said[0] ?? '')
  if (given === undefined) return undefined
  if (said[0] === 'permission') {
    const permission = given.text()
    if (permission === undefined) return undefined
    if (permissions.has(permission)) return { kind: 'permission', permission }
    const near = nearest(permission, permissions)
    const hint = near === undefined ? 'dockgate roles permissions lists them' : `did you mean ${near}?` // prettier-ignore
    return given.fault(`unknown permission ${JSON.stringify(permission)}`, hint)
  }
  if (said[0] === 'request') {
    const request = given.text()
    if (request === undefined) return undefined
    if (/^[A-Za-z]+ \/\S*$/.test(request)) return { kind: 'request', request, body: bodyIn(body) }
    return given.fault(`${JSON.stringify(request)} is no request`, 'POST /containers/create')
  }
  const command = isScalar(given.node)
    ? splitWords(given)
    : given.texts().map(({ text: word }) => word)
  if (command === undefined || command[0] === 'docker') return command && { kind: 'run', command }
  return given.fault('what is run is a docker command', 'run: docker ps')
}

/** A mapping as JSON; a text as its bytes are, for what is no sound JSON. */
function bodyIn(value: Value | undefined): string | undefined {
  if (value === undefined || value.node === null) return undefined
  return isScalar(value.node) ? value.text() : JSON.stringify(value.node)
}

function splitWords(value: Value): readonly string[] | undefined {
  const text = value.text()
  if (text === undefined) return undefined
  if (/["'\\$`|&;<>()]/.test(text)) {
    return value.fault(
      'quotes and what else means something to a shell are not read here',
      'run: [docker, exec, web, sh, -c, "echo hi"]',
    )
  }
  return text.split(/\s+/).filter((word) => word !== '')
}
