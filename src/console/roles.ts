// Who may do what: the grants, and the roles that they give. Pure.
import { safeLimits, type Limits } from '../policy/limits.ts'
import type { Grant } from '../policy/grant.ts'
import type { Role } from '../policy/role.ts'
import type { TemporaryRow } from './rows.ts'
import { subjectText } from '../policy/subject-text.ts'
import { html, type Part } from './html.ts'
import { badge, page, table, time, type Column, type Viewer } from './page.ts'
import { permissionList } from './permission-list.ts'

export interface Rules {
  readonly grants: readonly Grant[]
  readonly roles: readonly Role[]
  readonly temporary: readonly TemporaryRow[]
  readonly isOnTrial: (name: string) => boolean
  /** How many permissions there are. */
  readonly all: number
}

export const roleColumns: readonly Column<Role>[] = [
  { head: 'Role', cell: ({ name }) => html`<strong>${name}</strong>` },
  { head: 'Reaches', cell: reach },
  { head: 'Limits', cell: ({ limits }) => limitsBadge(limits) },
  { head: 'Hides', cell: ({ hide }) => hide.join(', ') || '–' },
]

function reach({ on }: Role): Part {
  if (on.kind !== 'label')
    return { own: 'their own', team: 'their team’s', all: 'everything' }[on.kind]
  const labels = Object.entries(on.labels).map(([name, value]) => `${name}=${value}`)
  return html`labelled <code>${labels.join(', ')}</code>`
}

function limitsBadge(limits: Limits | 'none'): Part {
  if (limits === 'none') return badge('warn', 'none')
  const own = Object.entries(limits)
    .filter(([name, value]) => value !== safeLimits[name as keyof Limits])
    .map(([name]) => name)
  return own.length === 0 ? badge('good', 'safe') : html`${badge('plain', 'own')} ${own.join(', ')}`
}

export function grantColumns(now: number): readonly Column<Grant>[] {
  return [
    { head: 'To', cell: (grant) => subjectText(grant) },
    { head: 'Roles', cell: ({ roles }) => roles.join(', ') },
    {
      head: 'From',
      cell: ({ from }) =>
        from === undefined ? 'anywhere' : from.map(({ text }) => text).join(', '),
    },
    {
      head: 'Until',
      cell({ untilMs }) {
        if (untilMs === undefined) return 'for ever'
        return untilMs <= now ? html`${badge('plain', 'over')} ${time(untilMs)}` : time(untilMs)
      },
    },
  ]
}

export function rolesPage(
  viewer: Viewer,
  { grants, roles, all, isOnTrial, temporary }: Rules,
): string {
  const named: Column<Role> = {
    head: 'Role',
    cell: ({ name }) =>
      html`<strong>${name}</strong> ${isOnTrial(name) && badge('warn', 'on trial')}`,
  }
  return page(viewer, {
    title: 'Roles',
    about: 'Who may do what: everything that a grant does not give is refused.',
    body: [
      html`<section aria-labelledby="grants">
        <h2 id="grants">Grants</h2>
        ${table('Grants', grantColumns(viewer.now), grants, 'There are no grants: nobody may do anything.')}
      </section>`,
      temporarySection(temporary),
      html`<section aria-labelledby="roles">
        <h2 id="roles">Roles that are given</h2>
        ${table(
          'Roles',
          [
            named,
            ...roleColumns.slice(1),
            { head: 'Permissions', cell: (role) => permissionsOf(role, all) },
          ],
          roles,
          'There are none.',
        )}
      </section>`,
    ],
  })
}

const temporaryColumns: readonly Column<TemporaryRow>[] = [
  { head: 'To', cell: ({ to }) => html`<strong>${to}</strong>` },
  { head: 'Role', cell: ({ role }) => role },
  { head: 'By', cell: ({ by }) => by },
  { head: 'Reason', cell: ({ reason }) => reason },
  {
    head: 'Until',
    cell: ({ until, idle }) =>
      html`${time(until)}${idle !== null && html` ${badge('warn', 'not in force')} ${idle}`}`,
  },
]

/** Nothing where there are none. */
export function temporarySection(rows: readonly TemporaryRow[]): Part {
  return (
    rows.length > 0 &&
    html`<section aria-labelledby="temporary">
      <h2 id="temporary">Temporary rights</h2>
      ${table('Temporary rights', temporaryColumns, rows, '')}
    </section>`
  )
}

function permissionsOf({ allows, denies }: Role, all: number): Part {
  const may = new Set([...allows].filter((one) => !denies.has(one)))
  const count = may.size === all ? `all ${all}` : `${may.size}`
  const denied = denies.size === 0 ? '' : `, denies ${[...denies].toSorted().join(', ')}`
  return html`<details>
    <summary>${count}${denied}</summary>
    ${permissionList(may)}
  </details>`
}
