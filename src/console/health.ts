// How the gateway is. Pure.
import { html } from './html.ts'
import { badge, facts, page, span, time, validity, type Viewer } from './page.ts'
import type { Period } from './certificates.ts'

export interface Health {
  readonly version: string
  readonly startedAt: number
  readonly listen: string
  readonly policy: { readonly digest: string; readonly since: number }
  readonly periods: readonly Period[]
  readonly revocations: { readonly mode: 'refuse' | 'warn'; readonly serials: number }
  readonly reminders: readonly string[]
  readonly engine: {
    readonly url: string
    readonly version: string | null
    readonly apiVersion: string | null
    readonly fault: string | null
  }
  readonly connections: number
  readonly sessions: { readonly underWay: number; readonly streams: number }
  readonly denials: { readonly total: number }
  readonly lastReload: {
    readonly at: number
    readonly why: string
    readonly faults: readonly { readonly where: string; readonly message: string }[]
  }
}

const names = { ca: 'Authority', crl: 'Revocation list', server: 'Certificate' } as const

export function healthPage(viewer: Viewer, health: Health): string {
  const { engine, lastReload, reminders } = health
  const worries = [
    ...(engine.fault === null ? [] : [`The engine does not answer: ${engine.fault}`]),
    ...lastReload.faults.map(({ where, message }) => `Not in force: ${where}: ${message}`),
    ...reminders,
  ]
  return page(viewer, {
    title: 'Health',
    about: 'How this gateway and its engine are.',
    body: [
      worries.length === 0
        ? html`<p class="verdict good">All is well.</p>`
        : html`<div class="verdict bad">
            <p>Something needs you:</p>
            <ul>
              ${worries.map((one) => html`<li>${one}</li>`)}
            </ul>
          </div>`,
      html`<section aria-labelledby="gateway">
        <h2 id="gateway">Gateway</h2>
        ${facts([
          ['Version', health.version],
          ['Listens on', html`<code>${health.listen}</code>`],
          ['Up for', span(viewer.now - health.startedAt)],
          [
            'Under way',
            `${health.sessions.underWay}, of them ${health.sessions.streams} streams, on ${health.connections} connections`,
          ],
          ['Denied', `${health.denials.total} in the last hour`],
          ['Files read', html`${time(lastReload.at)} (${lastReload.why})`],
          [
            'Policy',
            html`<code>${health.policy.digest.slice(0, 12)}</code> since
              ${time(health.policy.since)}`,
          ],
        ])}
      </section>`,
      html`<section aria-labelledby="engine">
        <h2 id="engine">Engine</h2>
        ${facts([
          ['Answers', engine.fault === null ? badge('good', 'yes') : badge('bad', engine.fault)],
          [
            'Version',
            engine.version === null ? '–' : `${engine.version}, API ${engine.apiVersion}`,
          ],
          ['Socket', html`<code>${engine.url}</code>`],
        ])}
      </section>`,
      html`<section aria-labelledby="trust">
        <h2 id="trust">Trust</h2>
        ${facts([
          ...health.periods.map(
            ({ of, from, until }) => [names[of], validity(until, from, viewer.now)] as const,
          ),
          ['Revoked', `${health.revocations.serials} certificates`],
          [
            'An expired list',
            health.revocations.mode === 'refuse'
              ? 'refuses everybody'
              : badge('warn', 'is only warned of'),
          ],
        ])}
      </section>`,
    ],
  })
}
