// Who may do what, as a table: roles beside each other, every permission a row. Pure.
import { catalog, permissions } from '../docker/catalog.ts'
import { ownEndpoints } from '../docker/catalog-own.ts'
import { openToAll } from './authorize.ts'
import type { Policy } from './policy.ts'
import type { Grant } from './grant.ts'
import type { Limits } from './limits.ts'
import type { Reach } from './role.ts'

/** How far a role reaches with a permission; `deny` takes it from whoever has the role. */
export type Cell = Reach['kind'] | 'deny' | 'none'

export interface MatrixRole {
  readonly name: string
  readonly about: string
  readonly onTrial: boolean
  readonly on: Reach
  readonly limits: Limits | 'none'
  readonly hides: readonly string[]
  readonly allows: number
}

export interface MatrixRow {
  readonly permission: string
  /** `GET /containers/json` */
  readonly calls: readonly string[]
  readonly changes: boolean
  /** In the order of the roles. */
  readonly cells: readonly Cell[]
}

export interface Matrix {
  readonly roles: readonly MatrixRole[]
  readonly rows: readonly MatrixRow[]
  /** What every certificate may. */
  readonly open: readonly string[]
  readonly grants: readonly Grant[]
}

/** The roles that somebody has and those of roles.yaml; with `all`, the built-in ones too. */
export function matrixOf(policy: Policy, grants: readonly Grant[], all: boolean): Matrix {
  const granted = new Set(grants.flatMap(({ roles }) => roles))
  const shown = [...policy.sources.values()].filter(
    ({ name, line }) => granted.has(name) || line > 0 || (all && !name.startsWith('preset:')),
  )
  const roles = shown.flatMap((source) => {
    const role = policy.roles.get(source.name)
    return role === undefined ? [] : [{ source, role }]
  })
  const calls = new Map<string, { path: string; changes: boolean }[]>()
  for (const { permission, method, path, changes } of [...catalog, ...ownEndpoints]) {
    const before = calls.get(permission) ?? []
    calls.set(permission, [...before, { path: `${method} ${path}`, changes }])
  }
  return {
    roles: roles.map(({ source, role }) => ({
      name: role.name,
      about: source.about ?? '',
      onTrial: source.onTrial === true,
      on: role.on,
      limits: role.limits,
      hides: role.hide,
      allows: [...role.allows].filter((permission) => !role.denies.has(permission)).length,
    })),
    rows: [...permissions].toSorted().map((permission) => ({
      permission,
      // One route does two things.
      calls: (calls.get(permission === 'image.import' ? 'image.pull' : permission) ?? []).map(({ path }) => path), // prettier-ignore
      changes: (calls.get(permission) ?? [{ changes: true }]).some(({ changes }) => changes),
      cells: roles.map(({ role }) => {
        if (role.denies.has(permission)) return 'deny'
        return role.allows.has(permission) || openToAll.has(permission) ? role.on.kind : 'none'
      }),
    })),
    open: [...openToAll].toSorted(),
    grants,
  }
}
