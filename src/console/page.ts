// The frame of every page of the console: head, skip link, navigation with the pages that this person may
// see, one heading, and how times, tables and empty places look. Pure.
import { html, type Html, type Part } from './html.ts'

export const consoleRoot = '/_dockgate/'
export const consolePath = '/_dockgate/console/'

/** In the order of the navigation; each by a permission of its own. */
export const pages = [
  { at: consoleRoot, title: 'You', permission: 'dockgate.whoami' },
  { at: `${consolePath}sessions`, title: 'Sessions', permission: 'dockgate.sessions' },
  { at: `${consolePath}decisions`, title: 'Decisions', permission: 'dockgate.decisions' },
  { at: `${consolePath}denials`, title: 'Denials', permission: 'dockgate.decisions' },
  { at: `${consolePath}roles`, title: 'Roles', permission: 'dockgate.roles' },
  { at: `${consolePath}certificates`, title: 'Certificates', permission: 'dockgate.certificates' },
  { at: `${consolePath}health`, title: 'Health', permission: 'dockgate.status' },
] as const

export interface Viewer {
  readonly name: string
  readonly may: ReadonlySet<string>
  readonly now: number
}

export interface PageParts {
  readonly title: (typeof pages)[number]['title']
  /** One sentence below the heading. */
  readonly about: Part
  readonly body: Part
}

export function page(viewer: Viewer, { title, about, body }: PageParts): string {
  const shown = pages.filter(({ permission }) => viewer.may.has(permission))
  const document = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title} · dockgate</title>
      <link rel="icon" href="${consolePath}icon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="${consolePath}style.css" />
      <script src="${consolePath}script.js" defer></script>
    </head>
    <body>
      <a class="skip" href="#main">Skip to the page</a>
      <header>
        <div class="bar">
          <a class="brand" href="${consoleRoot}"
            ><img src="${consolePath}icon.svg" alt="" width="22" height="22" />dockgate</a
          >
          <span class="who"><span class="label">signed in as</span> ${viewer.name}</span>
        </div>
        <nav aria-label="Pages">
          <ul>
            ${shown.map((one) => html`<li><a href="${one.at}" ${one.title === title && html` aria-current="page"`}>${one.title}</a></li>`)}
          </ul>
        </nav>
      </header>
      <main id="main" tabindex="-1">
        <h1>${title}</h1>
        <p class="about">${about}</p>
        ${body}
      </main>
      <footer>
        <p>As of ${time(viewer.now)}. <a href="">Read again</a></p>
      </footer>
    </body>
  </html>`
  return `<!doctype html>\n${document.toString()}\n`
}

/** `2026-11-27 05:42 UTC`; to the second where that tells things apart. */
export function time(at: number, seconds = false): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}"
    >${iso.slice(0, seconds ? 19 : 16).replace('T', ' ')} UTC</time
  >`
}

export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => Part
  /** Numbers stand to the right; identifiers in letters of one width. */
  readonly kind?: 'number' | 'code'
}

/** On a narrow screen each row is a card, and each cell says by itself what it is. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty: string,
): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`
  return html`<div class="scroll">
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ head, kind }) => html`<th scope="col" class="${kind === 'number' && kind}">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map(({ head, cell, kind }) => html`<td data-head="${head}" class="${kind ?? ''}"><div>${cell(row)}</div></td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** Names and values, one below the other. */
export function facts(rows: readonly (readonly [name: string, value: Part])[]): Html {
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`
}

export type Tone = 'good' | 'warn' | 'bad' | 'plain'

export function badge(tone: Tone, words: string): Html {
  return html`<span class="badge ${tone}">${words}</span>`
}

/** `3 d 4 h`, `12 min`, `8 s` */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10))
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'][power] ?? ''
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${unit}`
}

/** How long something is good: soon over is a warning, over is worse. */
export function validity(until: number, from: number, now: number): Html {
  if (until <= now) return html`${badge('bad', 'expired')} ${time(until)}`
  const soon = until - now < Math.min(7 * 86_400_000, (until - from) / 4)
  return html`${badge(soon ? 'warn' : 'good', soon ? `ends in ${span(until - now)}` : 'valid')}
  until ${time(until)}`
}
