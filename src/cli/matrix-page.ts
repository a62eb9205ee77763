// Who may do what as one page that needs nothing else: no network, no file beside it. Its policy lets no
// script and no style in but these, by their hash.
import { createHash } from 'node:crypto'
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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Who may do what</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Who may do what</h1>
<p>roles.yaml <code>${escape(digest.slice(0, 12))}</code>, read ${made} UTC</p>
</header>
<main>
<section aria-labelledby="grants">
<h2 id="grants">Who has which role</h2>
${grantsTable(matrix)}
</section>
<section aria-labelledby="roles">
<h2 id="roles">The roles</h2>
<div class="roles">
${matrix.roles.map((role) => roleCard(role, matrix)).join('\n')}
</div>
</section>
<section aria-labelledby="matrix">
<h2 id="matrix">Every operation</h2>
<form class="filter" role="search" hidden>
<label for="filter">Show only</label>
<input id="filter" type="search" autocomplete="off" spellcheck="false" placeholder="image, container.rm, delete …" aria-describedby="found">
<label for="role">what</label>
<select id="role">
<option value="">any role</option>
${matrix.roles.map(({ name }, index) => `<option value="${index}">${escape(name)}</option>`).join('\n')}
</select>
<label class="check" for="used"><input id="used" type="checkbox"> may do</label>
<output id="found" aria-live="polite"></output>
</form>
<p class="legend">${legend}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="matrix">
${operationsTable(matrix)}
</div>
</section>
</main>
<script>${script}</script>
</body>
</html>
`
}

const legend = [
  ['own', 'what they made themselves'],
  ['team', 'what their team made'],
  ['label', 'what has a label'],
  ['all', 'everything'],
  ['deny', 'taken from whoever has the role'],
]
  .map(([kind, means]) => `<span><span class="cell ${kind}">${kind}</span> ${means}</span>`)
  .join(' ')

function grantsTable({ grants }: Matrix): string {
  if (grants.length === 0) return '<p>Nobody has a role.</p>'
  const rows = grants.map((grant) => {
    const { to, roles, from, until } = grantWords(grant)
    const names = roles.map((name) => `<a href="#role-${escape(name)}">${escape(name)}</a>`)
    return `<tr><th scope="row">${escape(to)}</th><td>${names.join(', ')}</td><td>${escape(from?.join(', ') ?? 'anywhere')}</td><td>${escape(until?.replace('.000Z', 'Z') ?? 'no end')}</td><td class="line">${grant.line}</td></tr>`
  })
  return `<table class="grants">
<thead><tr><th scope="col">Whose certificate says</th><th scope="col">has</th><th scope="col">from</th><th scope="col">until</th><th scope="col">line</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function roleCard(role: MatrixRole, { grants }: Matrix): string {
  const { name, about, on, limits, hides, allows, onTrial } = role
  const holders = grants.filter(({ roles }) => roles.includes(name)).map((grant) => grantWords(grant).to) // prettier-ignore
  const isRoot = limits === 'none' && on.kind === 'all'
  const reach =
    on.kind === 'label'
      ? Object.entries(on.labels).map(([key, value]) => `${key}=${value}`).join(', ') // prettier-ignore
      : { own: 'what they made', team: 'what their team made', all: 'everything' }[on.kind]
  const lines = limitLines(limits)
  return `<article id="role-${escape(name)}" aria-label="${escape(name)}">
<h3>${escape(name)}${onTrial ? ' <span class="tag trial">on trial: decides nothing</span>' : ''}${isRoot ? ' <span class="tag root">root on the host</span>' : ''}</h3>
${about === '' ? '' : `<p>${escape(about)}</p>`}
<dl>
<dt>reaches</dt><dd>${escape(reach)}</dd>
<dt>may do</dt><dd>${allows === permissions.size ? 'everything' : `${allows} of ${permissions.size} operations`}</dd>
<dt>had by</dt><dd>${holders.length === 0 ? 'nobody' : escape(holders.join('; '))}</dd>
${hides.length === 0 ? '' : `<dt>does not see</dt><dd>${escape(hides.join(', '))}</dd>`}
<dt>limits</dt><dd>${lines.length === 0 ? (limits === 'none' ? 'none' : 'the safe ones') : `<ul>${lines.map(([limit, value]) => `<li><code>${escape(limit)}</code> ${escape(value)}</li>`).join('')}</ul>the rest as safe`}</dd>
</dl>
</article>`
}

function operationsTable({ roles, rows, open }: Matrix): string {
  const heads = roles.map(({ name, onTrial }) => `<th scope="col"><span>${escape(name)}${onTrial ? ' (trial)' : ''}</span></th>`) // prettier-ignore
  const groups = new Map<string, MatrixRow[]>()
  for (const row of rows) {
    const resource = resourceOf(row.permission)
    groups.set(resource, [...(groups.get(resource) ?? []), row])
  }
  const bodies = [...groups].map(([resource, group]) => {
    const lines = group.map((row) => operationRow(row, open))
    return `<tbody>
<tr class="group"><th scope="rowgroup" colspan="${roles.length + 1}">${escape(resource)}</th></tr>
${lines.join('\n')}
</tbody>`
  })
  return `<table class="operations">
<caption>How far each role reaches with each operation</caption>
<thead><tr><th scope="col">operation</th>${heads.join('')}</tr></thead>
${bodies.join('\n')}
</table>`
}

function operationRow(
  { permission, calls, changes, cells }: MatrixRow,
  open: readonly string[],
): string {
  const marks = cells.map((cell) =>
    cell === 'none'
      ? '<td class="none"><span aria-label="may not">·</span></td>'
      : `<td><span class="cell ${cell}">${cell}</span></td>`,
  )
  const everybody = open.includes(permission) ? ' <span class="tag">every certificate</span>' : ''
  const kind = changes ? 'changes' : 'reads'
  return `<tr data-words="${escape(`${permission} ${kind} ${calls.join(' ')}`.toLowerCase())}"><th scope="row"><span class="name">${escape(permission)}</span>${everybody}<span class="calls">${calls.map(escape).join('<br>')}</span></th>${marks.join('')}</tr>`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What an operator or a certificate wrote stays text, and what turns text around is shown as a sign. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '').replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd') // prettier-ignore
}
