// Bars over time, one color a series, as SVG that styles itself by classes alone. Pure.
import { html, type Html } from './html.ts'

export interface Series {
  readonly name: string
  readonly counts: readonly number[]
}

export interface PlotParts {
  readonly from: number
  readonly until: number
  /** Read out in place of the picture. */
  readonly label: string
  readonly kind: 'wide' | 'narrow'
}

const top = 12
const right = 12
const bottom = 30

export function stackedBars(
  series: readonly Series[],
  { from, until, label, kind }: PlotParts,
): Html {
  const [width, height, left] = kind === 'wide' ? [960, 260, 44] : [340, 220, 34]
  const bars = series[0]?.counts.length ?? 0
  const sums = Array.from({ length: bars }, (_, bar) =>
    series.reduce((sum, { counts }) => sum + (counts[bar] ?? 0), 0),
  )
  const most = roundUp(Math.max(1, ...sums))
  const slot = (width - left - right) / Math.max(1, bars)
  const scale = (height - top - bottom) / most
  const y = (value: number): number => height - bottom - value * scale
  const rects = Array.from({ length: bars }, (_, bar) => {
    let below = 0
    return series.map(({ counts }, index) => {
      const count = counts[bar] ?? 0
      if (count === 0) return undefined
      below += count
      return html`<rect
        class="s${index}"
        x="${(left + bar * slot + slot * 0.12).toFixed(1)}"
        y="${y(below).toFixed(1)}"
        width="${(slot * 0.76).toFixed(1)}"
        height="${(count * scale).toFixed(1)}"
      />`
    })
  })
  const steps = most <= 4 ? most : 4
  const lines = Array.from({ length: steps + 1 }, (_, index) => (most / steps) * index)
  const day = until - from > 2 * 86_400_000
  const marks = kind === 'wide' ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]
  return html`<svg
    class="plot ${kind}"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-label="${label}"
    preserveAspectRatio="xMidYMid meet"
  >
    <title>${label}</title>
    ${lines.map((value) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" /><text class="axis" x="${left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value}</text>`)}
    ${rects}
    ${marks.map((share) => {
      const at = new Date(from + share * (until - from)).toISOString()
      const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
      return html`<text
        class="axis"
        x="${(left + share * (width - left - right)).toFixed(1)}"
        y="${height - 8}"
        text-anchor="${anchor}"
        >${day ? at.slice(5, 10) : at.slice(11, 16)}</text
      >`
    })}
  </svg>`
}

/** To 1, 2, 4, 8, 12, 20, 40, 80 …: what divides by four reads well. */
function roundUp(value: number): number {
  if (value <= 4) return value
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [0.8, 1.2, 2, 4, 8, 12]
    .map((one) => one * power)
    .find((one) => one >= value && one % 4 === 0)
  return step ?? Math.ceil(value / 4) * 4
}
