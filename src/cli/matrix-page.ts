// Who may do what as one page that needs nothing else: no network, no file beside it. Its policy lets no
// script and no style in but these, by their hash.
import { createHash } from 'node:crypto'
import { html, type Html } from '../console/html.ts'
import { permissions } from '../docker/catalog.ts'
import type { Matrix, MatrixRole, MatrixRow } from '../policy/matrix.ts'
import { resourceOf } from '../policy/permission.ts'
import { grantWords } from './grant-words.ts'
import { limitLines } from './limit-words.ts'
import { script } from './matrix-script.ts'
import { style } from './matrix-style.ts'

interface Made {
  readonly now: Date
  /** Of roles.yaml. */
  readonly digest: string
}

export function matrixPage(matrix: Matrix, { now, digest }: Made): string {
  const policy = `default-src 'none'; style-src '${hashOf(style)}'; script-src '${hashOf(script)}'; base-uri 'none'; form-action 'none'`
  const made = now.toISOString().slice(0, 16).replace('T', ' ')
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Who may do what</title>
        <style></style>
      </head>
      <body>
        <header>
          <h1>Who may do what</h1>
          <p>roles.yaml <code>${digest.slice(0, 12)}</code>, read ${made} UTC</p>
        </header>
        <main>
          <section aria-labelledby="grants">
            <h2 id="grants">Who has which role</h2>
            ${grantsTable(matrix)}
          </section>
          <section aria-labelledby="roles">
            <h2 id="roles">The roles</h2>
            <div class="roles">${matrix.roles.map((role) => roleCard(role, matrix))}</div>
          </section>
          <section aria-labelledby="matrix">
            <h2 id="matrix">Every operation</h2>
            <form class="filter" role="search" hidden>
              <label for="filter">Show only</label>
              <input
                id="filter"
                type="search"
                autocomplete="off"
                spellcheck="false"
                placeholder="image, container.rm, delete …"
                aria-describedby="found"
              />
              <label for="role">what</label>
              <select id="role">
                <option value="">any role</option>
                ${matrix.roles.map(({ name }, index) => html`<option value="${index}">${name}</option>`)}
              </select>
              <label class="check" for="used"><input id="used" type="checkbox" /> may do</label>
              <output id="found" aria-live="polite"></output>
            </form>
            <p class="legend">${legend}</p>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="matrix">
              ${operationsTable(matrix)}
            </div>
          </section>
        </main>
        <script></script>
      </body>
    </html> `
  // Nothing else on the page can be these tags: what others wrote is escaped.
  return page
    .toString()
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script></script>', () => `<script>${script}</script>`)
}

const legend = [
  ['own', 'what they made themselves'],
  ['team', 'what their team made'],
  ['label', 'what has a label'],
  ['all', 'everything'],
  ['deny', 'taken from whoever has the role'],
].map(([kind, means]) => html`<span><span class="cell ${kind}">${kind}</span> ${means}</span> `)

function grantsTable({ grants }: Matrix): Html {
  if (grants.length === 0) return html`<p>Nobody has a role.</p>`
  const rows = grants.map((grant) => {
    const { to, roles, from, until } = grantWords(grant)
    const names = roles.map(
      (name, index) => html`${index > 0 && ', '}<a href="#role-${name}">${name}</a>`,
    )
    return html`<tr>
      <th scope="row">${to}</th>
      <td>${names}</td>
      <td>${from?.join(', ') ?? 'anywhere'}</td>
      <td>${until?.replace('.000Z', 'Z') ?? 'no end'}</td>
      <td class="line">${grant.line}</td>
    </tr>`
  })
  return html`<table class="grants">
    <thead>
      <tr>
        <th scope="col">Whose certificate says</th>
        <th scope="col">has</th>
        <th scope="col">from</th>
        <th scope="col">until</th>
        <th scope="col">line</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}

function roleCard(role: MatrixRole, { grants }: Matrix): Html {
  const { name, about, on, limits, hides, allows, onTrial } = role
  const holders = grants.filter(({ roles }) => roles.includes(name)).map((grant) => grantWords(grant).to) // prettier-ignore
  const isRoot = limits === 'none' && on.kind === 'all'
  const reach =
    on.kind === 'label'
      ? Object.entries(on.labels).map(([key, value]) => `${key}=${value}`).join(', ') // prettier-ignore
      : { own: 'what they made', team: 'what their team made', all: 'everything' }[on.kind]
  const lines = limitLines(limits)
  return html`<article id="role-${name}" aria-label="${name}">
    <h3>
      ${name}${onTrial && html` <span class="tag trial">on trial: decides nothing</span>`}${isRoot && html` <span class="tag root">root on the host</span>`}
    </h3>
    ${about !== '' && html`<p>${about}</p>`}
    <dl>
      <dt>reaches</dt>
      <dd>${reach}</dd>
      <dt>may do</dt>
      <dd>
        ${allows === permissions.size ? 'everything' : `${allows} of ${permissions.size} operations`}
      </dd>
      <dt>had by</dt>
      <dd>${holders.length === 0 ? 'nobody' : holders.join('; ')}</dd>
      ${
        hides.length > 0 &&
        html`<dt>does not see</dt>
          <dd>${hides.join(', ')}</dd>`
      }
      <dt>limits</dt>
      <dd>
        ${
          lines.length === 0
            ? limits === 'none'
              ? 'none'
              : 'the safe ones'
            : html`<ul>
                  ${lines.map(([limit, value]) => html`<li><code>${limit}</code> ${value}</li>`)}
                </ul>
                the rest as safe`
        }
      </dd>
    </dl>
  </article>`
}

function operationsTable({ roles, rows, open }: Matrix): Html {
  const heads = roles.map(({ name, onTrial }) => html`<th scope="col"><span>${name}${onTrial ? ' (trial)' : ''}</span></th>`) // prettier-ignore
  const groups = new Map<string, MatrixRow[]>()
  for (const row of rows) {
    const resource = resourceOf(row.permission)
    groups.set(resource, [...(groups.get(resource) ?? []), row])
  }
  const bodies = [...groups].map(([resource, group]) => {
    const lines = group.map((row) => operationRow(row, open))
    return html`<tbody>
      <tr class="group">
        <th scope="rowgroup" colspan="${roles.length + 1}">${resource}</th>
      </tr>
      ${lines}
    </tbody>`
  })
  return html`<table class="operations">
    <caption>
      How far each role reaches with each operation
    </caption>
    <thead>
      <tr>
        <th scope="col">operation</th>
        ${heads}
      </tr>
    </thead>
    ${bodies}
  </table>`
}

function operationRow(
  { permission, calls, changes, cells }: MatrixRow,
  open: readonly string[],
): Html {
  const marks = cells.map((cell) =>
    cell === 'none'
      ? html`<td class="none"><span aria-label="may not">·</span></td>`
      : html`<td><span class="cell ${cell}">${cell}</span></td>`,
  )
  const everybody = open.includes(permission)
    ? html` <span class="tag">every certificate</span>`
    : ''
  const kind = changes ? 'changes' : 'reads'
  return html`<tr data-words="${`${permission} ${kind} ${calls.join(' ')}`.toLowerCase()}">
    <th scope="row">
      <span class="name">${permission}</span>${everybody}<span class="calls"
        >${calls.map((call, index) => html`${index > 0 && html`<br />`}${call}`)}</span
      >
    </th>
    ${marks}
  </tr>`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
