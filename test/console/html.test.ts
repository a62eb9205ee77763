// The template tag: whatever is put in is text.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { html } from '../../src/console/html.ts'
import { stackedBars } from '../../src/console/plot.ts'

describe('html', () => {
  const rows: readonly (readonly [value: Parameters<typeof html>[1], written: string])[] = [
    ['<b>&"\'`', '&lt;b&gt;&amp;&quot;&#39;&#96;'],
    ['a\u202eb\u0000\n', 'a\\u202eb\\u0000\\u000a'],
    [html`<i>${'<'}</i>`, '<i>&lt;</i>'],
    [[html`<i></i>`, '<', 7, undefined, false], '<i></i>&lt;7'],
    ['😀 ü', '😀 ü'],
    [Number.NaN, 'NaN'],
  ]
  for (const [value, written] of rows) {
    it(`writes ${JSON.stringify(String(value))} as ${written}`, () => {
      assert.equal(html`<p>${value}</p>`.toString(), `<p>${written}</p>`)
    })
  }

  it('never lets a text begin a tag, end an attribute or hide', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = html`${text}`.toString()
        assert.doesNotMatch(written, /[<>"'`\p{C}\p{Zl}\p{Zp}]/u)
        assert.doesNotMatch(written, /&(?!(amp|lt|gt|quot|#39|#96);)/)
      }),
      { numRuns: 500, interruptAfterTimeLimit: 5_000 },
    )
  })

  it('takes no object that only looks like markup', () => {
    const forged = { toString: () => '<script>', text: '<script>' } as never
    assert.throws(() => html`${[forged]}`)
  })
})

describe('the plot', () => {
  const parts = { from: 0, until: 3_600_000, label: 'x', kind: 'wide' as const }
  it('stacks what it is given, as high as the numbers', () => {
    const svg = stackedBars([{ name: 'a', counts: [1, 0] }, { name: 'b', counts: [3, 4] }], parts).toString() // prettier-ignore
    const heights = [...svg.matchAll(/<rect\s+class="(s\d)"[^>]*\sheight="([\d.]+)"/g)]
    assert.deepEqual(
      heights.map(([, name, high]) => [name, Number(high)]),
      [['s0', 54.5], ['s1', 163.5], ['s1', 218]], // prettier-ignore
    )
  })
  it('has whole numbers on its axis, whatever the most is', () => {
    for (const most of [1, 2, 3, 5, 7, 13, 14, 50, 99, 1_234, 98_765]) {
      const svg = stackedBars([{ name: 'a', counts: [most] }], parts).toString()
      const marks = [...svg.matchAll(/text-anchor="end">([\d.]+)</g)].map(([, mark]) =>
        Number(mark),
      )
      assert.ok(marks.every(Number.isInteger), `${most}: ${marks.join()}`)
      assert.ok(
        Math.max(...marks) >= most && Math.max(...marks) <= most * 2 + 1,
        `${most}: ${marks.join()}`,
      )
    }
  })
})
