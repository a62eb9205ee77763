// HTML by a template tag that escapes whatever is put into it: there is no way to put text in as it is.
// What could hide or turn text on a screen is spelled out. Pure.

/** Markup that was written here, with everything of others escaped. */
export class Html {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** For the tag alone. */
  static of(strings: TemplateStringsArray, values: readonly Part[]): Html {
    let text = strings[0] ?? ''
    for (const [index, value] of values.entries())
      text += written(value) + (strings[index + 1] ?? '')
    return new Html(text)
  }

  toString(): string {
    return this.#text
  }
}

/** Nothing is written for `undefined` and `false`, so that `condition && html…` can be said. */
export type Part = Html | string | number | undefined | false | readonly Part[]

/** Attributes must be in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return Html.of(strings, values)
}

function written(value: Part): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(written).join('')
  return escapeText(String(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

function escapeText(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
      const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index))
      return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
    })
    .replace(/[&<>"'`]/g, (char) => entities[char] ?? '')
}
