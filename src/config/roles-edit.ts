// Edits of roles.yaml that touch only the characters they must: comments, order, spacing and quotes of
// all the rest stay as their author left them. An edit that would mean anything else is not made.
import { isDeepStrictEqual } from 'node:util'
import { Document, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Node, YAMLMap, YAMLSeq } from 'yaml'

export interface Edit {
  readonly text: string
  readonly changed: boolean
}

export interface GrantWords {
  readonly from?: readonly string[]
  readonly until?: string
}

type Subject = Readonly<Record<string, string>>

interface PlainGrant {
  readonly to: unknown
  readonly roles: readonly string[]
  readonly from?: unknown
  readonly until?: unknown
}

/** A grant to the same subject is added to, unless either holds only for a time or a place. */
export function addGrant(text: string, to: Subject, role: string, words: GrantWords = {}): Edit {
  const grants = grantsOf(text)
  const conditional = words.from !== undefined || words.until !== undefined
  const index = grants.findIndex(
    (grant) => !conditional && !isConditional(grant) && isTo(grant, to),
  )
  const found = grants[index]
  if (found?.roles.includes(role) === true) return { text, changed: false }
  if (found !== undefined) {
    const roles = at(text, ['grants', index, 'roles'])
    const edited = isSeq(roles) ? append(text, roles, [role]) : undefined
    const meant = grants.with(index, { ...found, roles: [...found.roles, role] })
    return checked(text, edited, meant)
  }
  const grant = { to, roles: [role], ...words }
  return checked(text, addToGrants(text, grant), [...grants, grant])
}

/** Takes the role from every grant to exactly this subject; a grant left without a role goes too. */
export function removeGrant(text: string, to: Subject, role: string): Edit {
  const grants = grantsOf(text)
  const index = grants.findIndex((grant) => isTo(grant, to) && grant.roles.includes(role))
  const found = grants[index]
  if (found === undefined) return { text, changed: false }
  const roles = found.roles.toSpliced(found.roles.indexOf(role), 1)
  const [list, position] =
    roles.length === 0
      ? [at(text, ['grants']), index]
      : [at(text, ['grants', index, 'roles']), found.roles.indexOf(role)]
  const edited = isSeq(list) ? remove(text, list, position) : undefined
  const meant =
    roles.length === 0 ? grants.toSpliced(index, 1) : grants.with(index, { ...found, roles })
  const once = checked(text, edited, meant)
  return { text: removeGrant(once.text, to, role).text, changed: true }
}

/** The text as edited, if it means what was wanted; a layout that was misjudged ends here. */
function checked(before: string, after: string | undefined, meant: readonly PlainGrant[]): Edit {
  if (after !== undefined) {
    const [was, is] = [before, after].map((text) => parseDocument(text))
    const { grants: _, ...kept } = (was?.toJS() ?? {}) as Record<string, unknown>
    const { grants = [], ...rest } = (is?.toJS() ?? {}) as Record<string, unknown>
    const same = isDeepStrictEqual(rest, kept) && isDeepStrictEqual(grants ?? [], meant)
    if (is?.errors.length === 0 && same) return { text: after, changed: true }
  }
  throw new Error('roles.yaml is laid out in a way that cannot be edited safely: edit it by hand')
}

function grantsOf(text: string): readonly PlainGrant[] {
  const root = parseDocument(text).toJS() as { grants?: readonly PlainGrant[] | null } | null
  return root?.grants ?? []
}

function isConditional(grant: PlainGrant): boolean {
  return grant.from !== undefined || grant.until !== undefined
}

function isTo(grant: PlainGrant, to: Subject): boolean {
  const said = Object.entries(grant.to ?? {}).map(([kind, value]) => [kind, String(value)])
  return isDeepStrictEqual(said.toSorted(), Object.entries(to).toSorted())
}

function at(text: string, path: readonly (string | number)[]): Node | undefined {
  return parseDocument(text).getIn(path, true) as Node | undefined
}

function addToGrants(text: string, grant: PlainGrant): string | undefined {
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
  item: PlainGrant | readonly [string],
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
    : blockLines(item as PlainGrant, lead.slice(0, lead.indexOf('-')), newlineOf(text))
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

function blockLines(grant: PlainGrant, indent: string, newline: string): string {
  const rows = Object.entries(grant).map(([key, value]) => `${key}: ${flow(value)}`)
  return rows.map((row, index) => `${newline}${indent}${index === 0 ? '- ' : '  '}${row}`).join('')
}

/** On one line, quoted where a flow needs it: `{ name: alice }`, `[viewer]`. */
function flow(value: unknown): string {
  const document = new Document(value)
  const { contents } = document
  if (isMap(contents) || isSeq(contents)) contents.flow = true
  return document.toString({ lineWidth: 0, flowCollectionPadding: isMap(contents) }).trimEnd()
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
