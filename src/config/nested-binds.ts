// A folder that some role may write must not lie below one that any role may read: what is below a read-only
// bind may be bound too, and whoever writes there can put a link in place of a folder between judging and
// starting, which the engine then follows to anywhere on the host.
import type { RoleSource } from '../policy/builtin-roles.ts'
import type { Value } from './yaml-node.ts'

export function refuseNestedBinds(
  roles: readonly RoleSource[],
  places: ReadonlyMap<string, Value>,
): void {
  const rules = roles.flatMap(({ name, limits }) =>
    limits === 'none' ? [] : limits.binds.map((rule) => ({ ...rule, role: name })),
  )
  const writable = rules.filter(({ readOnly }) => !readOnly)
  for (const { role, source, readOnly } of rules) {
    const inner = readOnly ? writable.find((rule) => isBelow(rule.source, source)) : undefined
    if (inner === undefined) continue
    places
      .get(role)
      ?.fault(
        `limits.binds: below ${source}, ${inner.source} is writable for role "${inner.role}", who could put links there to any file of the host`,
        'name the folders beside it one by one',
      )
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === '/' ? '/' : `${folder}/`)
}
