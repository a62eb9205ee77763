// Denials by reason over time: a plot, and the same in numbers. Pure.
import { html, type Html } from './html.ts'
import { page, table, time, type Viewer } from './page.ts'
import { stackedBars, type Series } from './plot.ts'
import { spans, type Read, type Span } from './rows.ts'

export interface DenialFact {
  readonly at: number
  readonly reason: string
  readonly who: string
  readonly operation: string
}

/** More would not be told apart by color. */
const shownReasons = 6
const shownKinds = 12

export function denialsPage(
  viewer: Viewer,
  span: Span,
  denials: readonly DenialFact[],
  read: Read,
): string {
  const from = viewer.now - span.ms
  const reasons = counted(denials.map(({ reason }) => reason))
  const shown = reasons.slice(0, shownReasons).map(([reason]) => reason)
  const names = reasons.length > shownReasons ? [...shown, 'other'] : shown
  const series: readonly Series[] = names.map((name) => {
    const counts = Array.from({ length: span.bars }, () => 0)
    for (const { at, reason } of denials) {
      if ((shown.includes(reason) ? reason : 'other') !== name) continue
      const bar = Math.min(span.bars - 1, Math.floor(((at - from) / span.ms) * span.bars))
      if (bar >= 0) counts[bar] = (counts[bar] ?? 0) + 1
    }
    return { name, counts }
  })
  const frequent = counted(
    denials.map(({ who, operation, reason }) => [who, operation, reason].join('\n')),
  )
  return page(viewer, {
    title: 'Denials',
    about: 'What was denied or refused, by reason: who runs into what.',
    body: [
      html`<nav class="spans" aria-label="Span of time">
        <ul>
          ${spans.map((one) => html`<li><a href="?span=${one.key}" ${one === span && html` aria-current="true"`}>${one.words}</a></li>`)}
        </ul>
      </nav>`,
      denials.length === 0
        ? html`<p class="empty">Nothing was denied in ${span.words}.</p>`
        : plot(series, span, from, viewer.now),
      read.cut && html`<p class="note">The audit was read back to ${time(read.backTo)} only.</p>`,
      denials.length > 0 &&
        html`<section aria-labelledby="reasons">
            <h2 id="reasons">By reason</h2>
            ${table(
              'Denials by reason',
              [
                { head: 'Reason', cell: ([reason]) => html`<code>${reason}</code>` },
                { head: 'Count', cell: ([, count]) => count, kind: 'number' as const },
                { head: 'Means', cell: ([reason]) => meanings.get(reason) ?? '' },
              ],
              reasons,
              '',
            )}
          </section>
          <section aria-labelledby="kinds">
            <h2 id="kinds">Most frequent</h2>
            ${table(
              'Most frequent denials',
              [
                { head: 'Who', cell: ([kind]) => html`<strong>${kind.split('\n')[0]}</strong>` },
                { head: 'Does', cell: ([kind]) => html`<code>${kind.split('\n')[1]}</code>` },
                { head: 'Reason', cell: ([kind]) => html`<code>${kind.split('\n')[2]}</code>` },
                { head: 'Count', cell: ([, count]) => count, kind: 'number' as const },
              ],
              frequent.slice(0, shownKinds),
              '',
            )}
          </section>`,
    ],
  })
}

/** One of them is shown, by the width of the screen. */
const kinds = ['wide', 'narrow'] as const

function plot(series: readonly Series[], span: Span, from: number, now: number): Html {
  const total = series.reduce(
    (sum, { counts }) => sum + counts.reduce((one, two) => one + two, 0),
    0,
  )
  const label = `${total} denials in ${span.words}, by reason; the table below has the numbers`
  return html`<figure>
    ${kinds.map((kind) => stackedBars(series, { from, until: now, label, kind }))}
    <figcaption>
      <ul class="legend">
        ${series.map(
          ({ name }, index) =>
            html`<li>
              <svg width="12" height="12" aria-hidden="true">
                <rect width="12" height="12" rx="2" class="s${index}" />
              </svg>
              ${name}
            </li>`,
        )}
      </ul>
    </figcaption>
  </figure>`
}

function counted(words: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].toSorted(([, one], [, other]) => other - one)
}

const meanings: ReadonlyMap<string, string> = new Map([
  ['no-role', 'no grant gives them a role'],
  ['not-permitted', 'no role of theirs allows it'],
  ['denied-by-role', 'a role of theirs denies it'],
  ['limit', 'more was asked for than the limits allow'],
  ['not-judged', 'it cannot be judged within limits'],
  ['taken', 'the name is somebody else’s'],
  ['not-theirs', 'it belongs to somebody else'],
  ['bad-target', 'the path has two readings'],
  ['bad-query', 'the query has two readings'],
  ['bad-header', 'a header has two readings, or it came from another site'],
  ['bad-body', 'the body cannot be read'],
  ['body-too-large', 'the body is larger than is judged'],
  ['unknown-operation', 'no operation of the Docker API'],
  ['not-found', 'there is no such thing'],
  ['engine-unreachable', 'the engine does not answer'],
])
