// Edits of roles.yaml that touch only the characters they must: comments, order, spacing and quotes of
// all the rest stay as their author left them. An edit that would mean anything else is not made.
import { isDeepStrictEqual } from 'node:util'
import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Node, YAMLMap, YAMLSeq } from 'yaml'
import { nearest } from '../nearest.ts'
import { builtinRoles } from '../policy/builtin-roles.ts'
import { presets } from '../policy/presets.ts'
import type { Grant } from '../policy/grant.ts'
import type { RolesFile } from '../policy/policy.ts'
import { FaultyConfig } from './load.ts'
import { flow } from './role-text.ts'
import { parseRoles } from './roles-file.ts'

export interface Edit {
  readonly text: string
  readonly changed: boolean
}

export interface GrantWords {
  readonly from?: readonly string[]
  readonly until?: string
}

type Subject = Readonly<Record<string, string>>

/** A grant as it is written. */
type WrittenGrant = GrantWords & { readonly to: Subject; readonly roles: readonly string[] }

/** A grant to the same subject, from the same places and until the same time, is added to. */
export function addGrant(text: string, to: Subject, role: string, words: GrantWords = {}): Edit {
  const file = policyOf(text)
  const written = { to, roles: [role], ...words }
  const wanted = readWanted(file, written)
  const index = file.grants.findIndex((grant) => isAlike(grant, wanted))
  const found = file.grants[index]
  if (found?.roles.includes(role) === true) return { text, changed: false }
  if (found !== undefined) {
    const roles = at(text, ['grants', index, 'roles'])
    const edited = isSeq(roles) ? append(text, roles, [role]) : undefined
    const grants = file.grants.with(index, { ...found, roles: [...found.roles, role] })
    return checked(edited, { ...file, grants })
  }
  return checked(addToGrants(text, written), { ...file, grants: [...file.grants, wanted] })
}

/**
 * Takes the role from every grant to exactly this subject, or from those alone that hold from these
 * places and until this time where they are said; a grant left without a role goes too.
 */
export function removeGrant(text: string, to: Subject, role: string, words: GrantWords = {}): Edit {
  const file = policyOf(text)
  const wanted = readWanted(file, { to, roles: [role], ...words })
  const index = file.grants.findIndex(
    (grant) =>
      isDeepStrictEqual(grant.facts, wanted.facts) &&
      (words.from === undefined || isDeepStrictEqual(grant.from, wanted.from)) &&
      (words.until === undefined || grant.untilMs === wanted.untilMs) &&
      grant.roles.includes(role),
  )
  const found = file.grants[index]
  if (found === undefined) return { text, changed: false }
  const roles = found.roles.toSpliced(found.roles.indexOf(role), 1)
  const [list, position] =
    roles.length === 0
      ? [at(text, ['grants']), index]
      : [at(text, ['grants', index, 'roles']), found.roles.indexOf(role)]
  const edited = isSeq(list) ? remove(text, list, position) : undefined
  const grants =
    roles.length === 0
      ? file.grants.toSpliced(index, 1)
      : file.grants.with(index, { ...found, roles })
  const once = checked(edited, { ...file, grants })
  return { text: removeGrant(once.text, to, role, words).text, changed: true }
}

/** The text as edited, if it gives the policy that was wanted; a layout that was misjudged ends here. */
function checked(text: string | undefined, meant: RolesFile): Edit {
  const read = text === undefined ? undefined : parseRoles(text, 'roles.yaml')
  if (text !== undefined && read !== undefined && 'file' in read) {
    if (isDeepStrictEqual(withoutLines(read.file), withoutLines(meant))) {
      return { text, changed: true }
    }
  }
  throw new Error('roles.yaml is laid out in a way that cannot be edited safely: edit it by hand')
}

function withoutLines({ roles, grants, ...rest }: RolesFile): unknown {
  const [bareRoles, bareGrants] = [roles, grants].map((rows) =>
    rows.map((row) => ({ ...row, line: 0 })),
  )
  return { ...rest, roles: bareRoles, grants: bareGrants }
}

/** What the gateway reads is what is compared: YAML's own values would make 7 of `007`. */
function policyOf(text: string): RolesFile {
  const read = parseRoles(text, 'roles.yaml')
  if ('faults' in read) throw new FaultyConfig(read.faults)
  return read.file
}

function readWanted(file: RolesFile, written: WrittenGrant): Grant {
  const [role = ''] = written.roles
  const names = [...builtinRoles, ...presets, ...file.roles].map(({ name }) => name)
  const faults = []
  if (!names.includes(role)) {
    const near = nearest(role, names)
    const hint = near === undefined ? 'dockgate roles list shows them' : `did you mean ${near}?`
    faults.push({ where: 'ROLE', message: `unknown role ${JSON.stringify(role)}`, hint })
  }
  // The role is looked up above: here it could be one that the file declares.
  const read = parseRoles(JSON.stringify({ grants: [{ ...written, roles: ['viewer'] }] }), '')
  if ('faults' in read) {
    const where = { to: 'WHO', from: '--from', until: '--until' }
    for (const fault of read.faults) {
      const [, key = 'to', message = fault.message] =
        /^grants\[0\]\.(\w+)(.*)$/s.exec(fault.message) ?? []
      faults.push({
        ...fault,
        where: where[key as keyof typeof where],
        message: message.replace(/^(\.\w+|\[\d+\])*: /, ''),
      })
    }
  }
  const [grant] = 'file' in read ? read.file.grants : []
  if (faults.length > 0 || grant === undefined) throw new FaultyConfig(faults)
  return { ...grant, roles: [role] }
}

function isAlike(one: Grant, other: Grant): boolean {
  const same = { roles: [], line: 0 }
  return isDeepStrictEqual({ ...one, ...same }, { ...other, ...same })
}

function at(text: string, path: readonly (string | number)[]): Node | undefined {
  return parseDocument(text).getIn(path, true) as Node | undefined
}

function addToGrants(text: string, grant: WrittenGrant): string | undefined {
  const { contents: root } = parseDocument(text)
  const pair = isMap(root)
    ? root.items.find(({ key }) => isScalar(key) && key.value === 'grants')
    : undefined
  const list = pair?.value
  if (isSeq(list) && list.items.length > 0) return append(text, list, grant)
  const lines = blockLines(grant, '  ', newlineOf(text))
  if (pair === undefined) {
    if (root !== null && (!isMap(root) || root.flow === true)) return undefined
    const gap = text === '' || text.endsWith('\n') ? '' : newlineOf(text)
    return `${text}${gap}grants:${lines}${newlineOf(text)}`
  }
  if ((root as YAMLMap).flow === true) return undefined
  // `grants: []`, or nothing after the colon.
  if (isSeq(list)) {
    const [start, end] = rangeOf(list as YAMLSeq)
    return splice(text, text.slice(0, start).trimEnd().length, end, lines)
  }
  const end = endOfLine(text, rangeOf(pair.key)[1])
  return splice(text, end, end, lines)
}

/** One more item at the end of a list that has some, in the list's own manner. */
function append(
  text: string,
  list: YAMLSeq,
  item: WrittenGrant | readonly [string],
): string | undefined {
  const last = list.items.at(-1) as Node | undefined
  if (last === undefined) return undefined
  const end = endOf(last)
  if (list.flow === true) {
    const written = Array.isArray(item) ? flow(item).slice(1, -1) : flow(item)
    return splice(text, end, end, `, ${written}`)
  }
  const lead = leadOf(text, last)
  if (lead === undefined) return undefined
  const place = endOfLine(text, end)
  const lines = Array.isArray(item)
    ? `${newlineOf(text)}${lead}${flow(item).slice(1, -1)}`
    : blockLines(item as WrittenGrant, lead.slice(0, lead.indexOf('-')), newlineOf(text))
  return splice(text, place, place, lines)
}

function remove(text: string, list: YAMLSeq, index: number): string | undefined {
  const items = list.items as Node[]
  const [item, before, after] = [items[index], items[index - 1], items[index + 1]]
  if (item === undefined) return undefined
  if (list.flow === true) {
    if (before !== undefined) return splice(text, endOf(before), endOf(item), '')
    return splice(text, rangeOf(item)[0], after === undefined ? endOf(item) : rangeOf(after)[0], '')
  }
  const lead = leadOf(text, item)
  if (lead === undefined) return undefined
  const next = text.indexOf('\n', endOf(item))
  return splice(text, rangeOf(item)[0] - lead.length, next === -1 ? text.length : next + 1, '')
}

function blockLines(grant: WrittenGrant, indent: string, newline: string): string {
  const rows = Object.entries(grant).map(([key, value]) => `${key}: ${flow(value)}`)
  return rows.map((row, index) => `${newline}${indent}${index === 0 ? '- ' : '  '}${row}`).join('')
}

/** What stands before a block item on its line, if that is its dash and nothing else. */
function leadOf(text: string, item: Node): string | undefined {
  const [start] = rangeOf(item)
  const lead = text.slice(text.lastIndexOf('\n', start - 1) + 1, start)
  return /^ *- +$/.test(lead) ? lead : undefined
}

/** Where the last character of a value is: a block's own range runs on over comments after it. */
function endOf(node: Node): number {
  const items: readonly unknown[] = isMap(node) || isSeq(node) ? node.items : []
  const last = items.at(-1)
  if (last === undefined || (node as YAMLMap | YAMLSeq).flow === true) return rangeOf(node)[1]
  if (isSeq(node)) return endOf(last as Node)
  const { key, value } = last as { key: Node; value: Node | null }
  return endOf(value ?? key)
}

function rangeOf(node: Node): readonly [start: number, end: number] {
  const [start = 0, end = 0] = node.range ?? []
  return [start, end]
}

function endOfLine(text: string, from: number): number {
  const next = text.indexOf('\n', from)
  if (next === -1) return text.length
  return text[next - 1] === '\r' ? next - 1 : next
}

function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

function splice(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end)
}
