// What was decided lately, with filters. Pure.
import { html, type Html } from './html.ts'
import { badge, page, table, time, type Column, type Viewer } from './page.ts'
import { spans, type DecisionRow, type Read, type Span } from './rows.ts'

export interface DecisionFilter {
  readonly who: string
  readonly what: string
  readonly denied: boolean
  /** Also what was only read of dockgate itself, this page among it. */
  readonly own: boolean
  readonly span: Span
}

const tones = { allow: 'good', deny: 'bad', refuse: 'warn' } as const
const words = { allow: 'allowed', deny: 'denied', refuse: 'refused' } as const

const columns: readonly Column<DecisionRow>[] = [
  {
    head: 'When',
    cell: ({ at, id }) => html`${time(at, true)}<br /><code class="faint">${id}</code>`,
  },
  {
    head: 'Who',
    cell: ({ who, address }) =>
      html`<strong>${who}</strong><br /><code class="faint">${address}</code>`,
  },
  { head: 'Decision', cell: ({ decision }) => badge(tones[decision], words[decision]) },
  {
    head: 'What',
    cell: ({ what, operation }) => html`${what}<br /><code class="faint">${operation}</code>`,
  },
  {
    head: 'Why',
    cell: ({ decision, role, reason, detail }) =>
      decision === 'allow'
        ? html`role ${role}`
        : html`<code>${reason}</code
            >${detail !== '' && html`<br /><span class="faint">${detail}</span>`}`,
  },
]

export function decisionsPage(
  viewer: Viewer,
  filter: DecisionFilter,
  rows: readonly DecisionRow[],
  read: Read & { readonly more: boolean },
): string {
  return page(viewer, {
    title: 'Decisions',
    about: 'What was allowed, denied and refused, the newest first, as the audit has it.',
    body: [
      filterForm(filter),
      table('Decisions', columns, rows, 'Nothing that fits is on record.'),
      html`<p class="note">
        ${rows.length} of ${filter.span.words}${read.more && ', and there are more'}.
        ${read.cut && html`The audit was read back to ${time(read.backTo)}.`} All of it:
        <code>dockgate audit show</code>.
      </p>`,
    ],
  })
}

function filterForm({ who, what, denied, own, span }: DecisionFilter): Html {
  return html`<form method="get" class="filter" role="search" aria-label="Filter">
    <div>
      <label for="f-who">Who</label
      ><input id="f-who" name="who" value="${who}" autocomplete="off" placeholder="alice" />
    </div>
    <div>
      <label for="f-what">What</label
      ><input
        id="f-what"
        name="what"
        value="${what}"
        autocomplete="off"
        placeholder="container.* or words"
      />
    </div>
    <div><label for="f-span">When</label>${spanSelect(span)}</div>
    <div class="check">
      <input
        type="checkbox"
        id="f-denied"
        name="denied"
        value="1"
        ${denied && html` checked`}
      /><label for="f-denied">only what was not allowed</label>
    </div>
    <div class="check">
      <input type="checkbox" id="f-own" name="own" value="1" ${own && html` checked`} /><label
        for="f-own"
        >also looks at dockgate</label
      >
    </div>
    <button>Filter</button>
  </form>`
}

function spanSelect(chosen: Span): Html {
  return html`<select id="f-span" name="span">
    ${spans.map((one) => html`<option value="${one.key}" ${one === chosen && html` selected`}>${one.words}</option>`)}
  </select>`
}
