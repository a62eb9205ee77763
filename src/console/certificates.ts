// Certificates and until when they are good. Pure.
import type { IssuedRow } from '../config/issued-list.ts'
import { html } from './html.ts'
import { badge, facts, page, table, validity, type Column, type Viewer } from './page.ts'

export interface Period {
  readonly of: 'ca' | 'crl' | 'server'
  readonly from: number
  readonly until: number
}

const names = { ca: 'Authority', crl: 'Revocation list', server: 'This gateway' } as const

export function certificatesPage(
  viewer: Viewer,
  periods: readonly Period[],
  /** Undefined where the CA is on another machine. */
  issued: readonly IssuedRow[] | undefined,
): string {
  const columns: readonly Column<IssuedRow>[] = [
    { head: 'Name', cell: ({ name }) => html`<strong>${name}</strong>` },
    { head: 'Kind', cell: ({ kind }) => kind },
    { head: 'Unit', cell: ({ unit, org }) => [unit, org].filter(Boolean).join(', ') || '–' },
    {
      head: 'Good',
      cell: ({ revoked, notBefore, notAfter }) =>
        revoked ? badge('bad', 'revoked') : validity(notAfter, notBefore, viewer.now),
    },
    { head: 'Serial', cell: ({ serial }) => serial.toLowerCase(), kind: 'code' },
  ]
  return page(viewer, {
    title: 'Certificates',
    about: 'Until when everybody is let in, and the gateway is believed.',
    body: [
      html`<section aria-labelledby="own">
        <h2 id="own">Of the gateway</h2>
        ${facts(periods.map(({ of, from, until }) => [names[of], validity(until, from, viewer.now)]))}
      </section>`,
      html`<section aria-labelledby="issued">
        <h2 id="issued">Issued</h2>
        ${
          issued === undefined
            ? html`<p class="empty">
                The authority’s list is on another machine: <code>dockgate ca list</code> there.
              </p>`
            : table('Certificates', columns, issued, 'None that you may see.')
        }
      </section>`,
    ],
  })
}
