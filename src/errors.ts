// The closed table of failures that dockgate expects: a stable code, the HTTP status that a client
// gets, and the words that it reads. Details and causes go to the log only.

const table = {
  'bad-certificate': { status: 403, message: 'your certificate cannot be used' },
  'bad-target': { status: 400, message: 'the request target cannot be read' },
  'bad-query': { status: 400, message: 'the query cannot be read' },
  'too-many-headers': { status: 431, message: 'there are too many headers' },
  'bad-header': { status: 400, message: 'a header cannot be read' },
  'bad-body': { status: 400, message: 'the request body cannot be read' },
  'body-too-slow': { status: 408, message: 'the request body does not come to its end' },
  'body-too-large': { status: 413, message: 'the request body is larger than may be judged' },
  'version-too-old': { status: 400, message: 'API versions below 1.24 are not served' },
  'unknown-operation': { status: 403, message: 'this is no operation of the Docker API' },
  'too-many': { status: 429, message: 'there are too many requests of yours' },
  overloaded: { status: 503, message: 'there are too many requests here now' },
  denied: { status: 403, message: 'denied' },
  'name-taken': { status: 409, message: 'the name is taken by somebody else' },
  'not-found': { status: 404, message: 'no such thing' },
  'engine-unreachable': { status: 502, message: 'the Docker Engine cannot be reached' },
  'engine-broke': { status: 502, message: 'the Docker Engine broke off its answer' },
  'engine-silent': { status: 504, message: 'the Docker Engine does not answer' },
  'answer-unreadable': {
    status: 502,
    message: 'the answer of the Docker Engine cannot be filtered, so it is not shown',
  },
  'answer-too-large': {
    status: 502,
    message: 'the answer of the Docker Engine is larger than may be filtered',
  },
  'engine-refused': { status: 503, message: 'the Docker Engine does not answer this now' },
  'audit-failed': {
    status: 503,
    message: 'the audit record cannot be written, so nothing is done',
  },
  'transcript-failed': {
    status: 503,
    message: 'this terminal is to be recorded, and its transcript cannot be opened',
  },
  internal: { status: 500, message: 'dockgate failed, so nothing was done' },
} as const satisfies Record<string, { status: number; message: string }>

export type FailureCode = keyof typeof table

/** A failure as a value: `message` may be shown to the client, `detail` may not. */
export interface Failure {
  readonly code: FailureCode
  readonly status: number
  readonly message: string
  readonly detail?: string
}

/** `says` replaces or specifies the table's public words; it must hold no secret. */
export function failure(code: FailureCode, says?: string, detail?: string): Failure {
  const { status, message } = table[code]
  const words = says === undefined ? message : says
  const made = Object.freeze({
    code,
    status,
    message: words,
    ...(detail === undefined ? {} : { detail }),
  })
  failures.add(made)
  return made
}

const failures = new WeakSet()

/** Tells a failure from any other value, a client's that looks like one among them. */
export function isFailure(value: object): value is Failure {
  return failures.has(value)
}

/** A failure on its way up through code that cannot return it. */
export class GatewayError extends Error {
  readonly failure: Failure

  constructor(failed: Failure, options?: ErrorOptions) {
    super(failed.message, options)
    this.name = 'GatewayError'
    this.failure = failed
  }
}
