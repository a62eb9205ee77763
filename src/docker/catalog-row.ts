// How a table of the catalog is written: what a row leaves out has the plain value.
import type { Endpoint, QueryKind } from './operation.ts'

type Required = 'id' | 'method' | 'path' | 'permission'
export type Row = Pick<Endpoint, Required> & Partial<Omit<Endpoint, Required>>

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS'])
const noQuery: Readonly<Record<string, QueryKind>> = Object.freeze({})

/** Rows as endpoints: no body, no stream, and a change unless the method only reads. */
export function endpoints(rows: readonly Row[]): readonly Endpoint[] {
  return rows.map((row) =>
    Object.freeze({
      body: 'none' as const,
      hijacks: false,
      streams: false,
      changes: !readingMethods.has(row.method),
      ...row,
      query: row.query === undefined ? noQuery : Object.freeze({ ...row.query }),
    }),
  )
}
