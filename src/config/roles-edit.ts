// Edits of roles.yaml that keep its comments and its order.
import { isMap, isScalar, isSeq, parseDocument, type Document, type YAMLMap } from 'yaml'

export interface Edit {
  readonly text: string
  readonly changed: boolean
}

export interface GrantWords {
  readonly from?: readonly string[]
  readonly until?: string
}

/** `to` as it stands in the file: `{ name: alice }`. A grant to the same subject is added to. */
export function addGrant(
  text: string,
  to: Readonly<Record<string, string>>,
  role: string,
  words: GrantWords = {},
): Edit {
  const document = parseDocument(text)
  const conditional = words.from !== undefined || words.until !== undefined
  const known = grantsTo(document, to)
  if (!conditional) {
    for (const grant of known.filter(isUnconditional)) {
      const roles = grant.get('roles')
      if (!isSeq(roles)) continue
      if (roles.items.some((item) => isScalar(item) && item.value === role)) {
        return { text, changed: false }
      }
      roles.add(document.createNode(role))
      return { text: write(document), changed: true }
    }
  }
  const grant = document.createNode({ to, roles: [role], ...words })
  if (isMap(grant)) for (const key of ['to', 'roles', 'from']) setFlow(grant.get(key))
  if (isSeq(document.get('grants'))) document.addIn(['grants'], grant)
  else document.set('grants', document.createNode([grant]))
  return { text: write(document), changed: true }
}

/** Takes the role from every grant to exactly this subject; a grant left without a role goes too. */
export function removeGrant(
  text: string,
  to: Readonly<Record<string, string>>,
  role: string,
): Edit {
  const document = parseDocument(text)
  const grants = document.get('grants')
  let changed = false
  for (const grant of grantsTo(document, to)) {
    const roles = grant.get('roles')
    if (!isSeq(roles)) continue
    const index = roles.items.findIndex((item) => isScalar(item) && item.value === role)
    if (index < 0) continue
    changed = true
    roles.delete(index)
    if (roles.items.length === 0 && isSeq(grants)) grants.delete(grants.items.indexOf(grant))
  }
  return { text: changed ? write(document) : text, changed }
}

function grantsTo(document: Document, to: Readonly<Record<string, string>>): YAMLMap[] {
  const grants = document.get('grants')
  if (!isSeq(grants)) return []
  const wanted = JSON.stringify(Object.entries(to).toSorted())
  return grants.items.filter((grant): grant is YAMLMap => {
    const subject = isMap(grant) ? grant.get('to') : undefined
    if (!isMap(subject)) return false
    const json: unknown = subject.toJSON()
    const found = Object.entries(json as Record<string, unknown>).map(([key, value]) => [
      key,
      String(value),
    ])
    return JSON.stringify(found.toSorted()) === wanted
  })
}

function isUnconditional(grant: YAMLMap): boolean {
  return !grant.has('from') && !grant.has('until')
}

function setFlow(node: unknown): void {
  if (isMap(node) || isSeq(node)) node.flow = true
}

function write(document: Document): string {
  return document.toString({ lineWidth: 100, flowCollectionPadding: false })
}
