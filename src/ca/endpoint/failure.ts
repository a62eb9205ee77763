// What a sender is told when it did not work: the words of an expected failure, and of any other only
// that it was one.
import { CaError } from '../ca-error.ts'
import type { CaErrorCode } from '../ca-error.ts'

// What is not here went wrong on our side: its words may name files, and are for the log alone.
const statuses: ReadonlyMap<CaErrorCode, number> = new Map([
  ['bad-der', 400],
  ['bad-key', 400],
  ['bad-name', 400],
  ['bad-period', 400],
  ['bad-request', 400],
  ['bad-token', 401],
  ['not-allowed', 403],
  ['exists', 409],
  ['busy', 429],
  ['unreachable', 502],
])

export interface FailureAnswer {
  readonly status: number
  readonly body: { readonly message: string; readonly hint?: string }
  readonly detail: object
}

export function answerOf(error: unknown): FailureAnswer {
  if (error instanceof CaError) {
    const status = statuses.get(error.code)
    const { message, hint, cause: err } = error
    // Whoever sent what is wrong has its cause; the operator needs that of the rest.
    const detail = status !== undefined && status < 500 ? { reason: message } : { reason: message, err } // prettier-ignore
    if (status === undefined) return { ...ours, detail }
    return { status, body: hint === undefined ? { message } : { message, hint }, detail }
  }
  // Fastify's own: a body that is too large, of another type, no JSON, or too slow.
  const status = statusOf(error)
  if (error instanceof Error && status !== undefined && status >= 400 && status < 500) {
    return { status, body: { message: error.message }, detail: { reason: error.message } }
  }
  return { ...ours, detail: { err: error } }
}

const ours = {
  status: 503,
  body: { message: 'the signing endpoint failed, so nothing was signed', hint: 'ask its operator' },
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}
