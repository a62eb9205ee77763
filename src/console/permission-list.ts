// Permissions as a person reads them: each resource with its verbs. Pure.
import { html, type Part } from './html.ts'

/** `container` with all its verbs, and so on. */
export function permissionList(may: ReadonlySet<string>): Part {
  const verbs = new Map<string, string[]>()
  for (const permission of [...may].toSorted()) {
    const cut = permission.indexOf('.')
    const resource = permission.slice(0, cut)
    verbs.set(resource, [...(verbs.get(resource) ?? []), permission.slice(cut + 1)])
  }
  return html`<dl class="permissions">
    ${[...verbs].map(
      ([resource, words]) =>
        html`<div>
          <dt>${resource}</dt>
          <dd>
            <ul class="words">
              ${words.map((word) => html`<li>${word}</li>`)}
            </ul>
          </dd>
        </div>`,
    )}
  </dl>`
}
