// What a request names, as if it were within a role's reach: for saying what a policy makes of a request
// where no engine is asked. Pure.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import { labelsOf, ownerLabels } from './ownership.ts'
import type { Role } from './role.ts'

/** Of what is taken for theirs nothing is held against them. */
const nobody = '65534'

/** What the request makes is not among it. */
export function asTheirs(
  { references }: Operation,
  principal: Principal,
  role: Role,
): ReadonlyMap<Reference, Thing> {
  const reach = (labelsOf(role.on, principal) ?? []).map((label): [string, string] => {
    const at = label.indexOf('=')
    return [label.slice(0, at), label.slice(at + 1)]
  })
  const labels = { ...ownerLabels(principal), ...Object.fromEntries(reach) }
  return new Map(
    references
      .filter((reference) => reference.wants !== 'make')
      .map((reference) => {
        const { kind, name } = reference
        const thing: Thing = { kind, id: name, name, labels, names: [name], user: nobody }
        const container =
          kind === 'exec' ? { container: { ...thing, kind: 'container' as const } } : {}
        return [reference, { ...thing, ...container }]
      }),
  )
}
