// What is under way, and ending it. Pure.
import type { SessionRow } from './rows.ts'
import { html } from './html.ts'
import { page, size, span, table, type Column, type Viewer } from './page.ts'

export function sessionsPage(viewer: Viewer, rows: readonly SessionRow[]): string {
  const mayEnd = viewer.may.has('dockgate.end')
  const columns: readonly Column<SessionRow>[] = [
    { head: 'Who', cell: ({ who }) => html`<strong>${who}</strong>` },
    { head: 'Does', cell: ({ operation }) => html`<code>${operation}</code>` },
    { head: 'On', cell: ({ on, target }) => on ?? html`<code>${target}</code>` },
    { head: 'For', cell: ({ since }) => span(viewer.now - since), kind: 'number' },
    { head: 'In', cell: ({ bytesIn }) => size(bytesIn), kind: 'number' },
    { head: 'Out', cell: ({ bytesOut }) => size(bytesOut), kind: 'number' },
    { head: 'From', cell: ({ address }) => address, kind: 'code' },
    { head: 'Role', cell: ({ role }) => role },
  ]
  const end: Column<SessionRow> = {
    head: 'End',
    cell: ({ id, who, operation, on }) =>
      html`<button
        type="button"
        class="end"
        data-end="${id}"
        data-what="${operation} of ${who}${on === null ? '' : `, ${on}`}"
      >
        End<span class="unseen"> ${operation} of ${who}</span>
      </button>`,
  }
  return page(viewer, {
    title: 'Sessions',
    about: 'Requests and streams that are under way now.',
    body: [
      html`<p id="said" role="status" class="said"></p>`,
      table('Sessions', mayEnd ? [...columns, end] : columns, rows, 'Nothing is under way.'),
      mayEnd &&
        html`<dialog id="ending" aria-labelledby="ending-title">
            <form method="dialog">
              <h2 id="ending-title">End this session?</h2>
              <p id="ending-what"></p>
              <p class="note">
                The stream is cut at once. A process in a container goes on, and whoever may can
                begin again.
              </p>
              <label for="reason">Reason, for the audit and for the client</label>
              <input id="reason" name="reason" maxlength="200" autocomplete="off" />
              <div class="buttons">
                <button value="cancel" formnovalidate>Keep it</button>
                <button value="end" class="danger">End it</button>
              </div>
            </form>
          </dialog>
          <noscript
            ><p class="note">Without scripts: <code>dockgate end ID</code>.</p></noscript
          >`,
    ],
  })
}
