// Times and amounts as people read them.

/** To the minute: `2027-11-24 02:57 UTC`. */
export function moment(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

const spans: readonly (readonly [unitMs: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
]

/** In the two largest units that count: `3d 4h`, `12m 5s`, `8s`. */
export function span(ms: number): string {
  let rest = Math.max(0, ms)
  const parts: string[] = []
  for (const [unitMs, unit] of spans) {
    const count = Math.floor(rest / unitMs)
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`)
    rest -= count * unitMs
  }
  parts.push(`${Math.floor(rest / 1_000)}s`)
  return parts.slice(0, 2).join(' ')
}

export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let amount = bytes
  let unit = 0
  for (; amount >= 1_024 && unit < units.length - 1; unit++) amount /= 1_024
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`
}

/** Columns as wide as their widest cell, two blanks between. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    }
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}
