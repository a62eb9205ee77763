// Who am I here, and what may I do. Pure.
import type { Principal } from '../identity/principal.ts'
import type { Grant } from '../policy/grant.ts'
import type { Role } from '../policy/role.ts'
import { html, type Part } from './html.ts'
import { facts, page, table, validity, type Viewer } from './page.ts'
import { permissionList } from './permission-list.ts'
import { grantColumns, roleColumns, temporarySection } from './roles.ts'
import type { TemporaryRow } from './rows.ts'

export interface You {
  readonly principal: Principal
  readonly address: string
  readonly roles: readonly Role[]
  readonly temporary: readonly TemporaryRow[]
  /** They give no right yet. */
  readonly trials: readonly Role[]
  readonly grants: readonly Grant[]
}

export function youPage(
  viewer: Viewer,
  { principal, address, roles, trials, temporary, grants }: You,
): string {
  const { notBefore, notAfter } = principal
  const named = (['org', 'unit', 'email', 'dns', 'uri', 'ip'] as const).flatMap(
    (kind): (readonly [string, Part])[] =>
      principal[kind].length === 0 ? [] : [[kindNames[kind], principal[kind].join(', ')]],
  )
  return page(viewer, {
    title: 'You',
    about: 'Who you are to this gateway, and what it lets you do.',
    body: [
      html`<section aria-labelledby="certificate">
        <h2 id="certificate">Your certificate</h2>
        ${facts([
          ['Name', html`<strong>${principal.name}</strong>`],
          ...named,
          ['Address', html`<code>${address}</code>`],
          ['Good', validity(notAfter, notBefore, viewer.now)],
          ['Serial', html`<code>${principal.serial}</code>`],
          ['Fingerprint', html`<code>${principal.fingerprint}</code>`],
        ])}
      </section>`,
      html`<section aria-labelledby="roles">
        <h2 id="roles">Your roles</h2>
        ${table('Roles', roleColumns, roles, 'No grant gives you a role: you may ping and ask for the version.')}
      </section>`,
      temporarySection(temporary),
      trials.length > 0 &&
        html`<p class="note">
          On trial, which gives no right: ${trials.map(({ name }) => name).join(', ')}.
        </p>`,
      grants.length > 0 &&
        html`<section aria-labelledby="grants">
          <h2 id="grants">By these grants</h2>
          ${table('Grants', grantColumns(viewer.now), grants, '')}
        </section>`,
      html`<section aria-labelledby="permissions">
        <h2 id="permissions">Your permissions</h2>
        ${permissionList(viewer.may)}
      </section>`,
    ],
  })
}

const kindNames = {
  org: 'Organization',
  unit: 'Unit',
  email: 'E-mail',
  dns: 'Host',
  uri: 'URI',
  ip: 'IP',
} as const
