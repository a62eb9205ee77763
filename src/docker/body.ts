// The body of a request that is judged: read once, strictly, and written anew from what was judged.
import { failure, isFailure, type Failure } from '../errors.ts'
import { bodyReferences } from './body-references.ts'
import { bodyOptional, bodyShapes } from './bodies/shapes.ts'
import { readJson } from './json.ts'
import type { Json, JsonObject, Operation } from './operation.ts'
import { readShape } from './shape.ts'

/** True where the body can be held against a shape. */
export function isJudgeable(operation: Operation): boolean {
  return bodyShapes.has(operation.endpoint.id)
}

/** The operation with its body and all that it names and asks for. */
export function readBody(
  operation: Operation,
  bytes: Uint8Array,
  contentType: string | undefined,
): Operation | Failure {
  const read = valueOf(operation, bytes, contentType)
  return isFailure(read) ? read : readSpecification(operation, read.value)
}

/** The same with a value that is no longer text. */
export function readSpecification(operation: Operation, value: Json): Operation | Failure {
  const shape = bodyShapes.get(operation.endpoint.id)
  if (shape === undefined) throw new Error(`INVARIANT: ${operation.endpoint.id} has no shape`)
  const judged = readShape(shape, value)
  if (isFailure(judged)) return judged
  return Object.freeze({
    ...operation,
    body: judged.body,
    demands: [...operation.demands, ...judged.demands],
    references: Object.freeze([
      ...operation.references,
      ...bodyReferences(operation.endpoint.id, judged.body),
    ]),
  })
}

const none: JsonObject = Object.freeze({})

function valueOf(
  operation: Operation,
  bytes: Uint8Array,
  contentType: string | undefined,
): { readonly value: Json } | Failure {
  const mayMiss = bodyOptional.has(operation.endpoint.id)
  if (bytes.length === 0) {
    return mayMiss
      ? { value: none }
      : failure('bad-body', 'the request body: a JSON object is needed')
  }
  // Where the engine reads bytes that it does not call JSON, another reader may read something else.
  if (!/^\s*application\/json\s*(;|$)/i.test(contentType ?? '')) {
    return failure('bad-header', 'the Content-Type of this request must be application/json')
  }
  const read = readJson(bytes)
  if (isFailure(read)) return read
  return read.value === null && mayMiss ? { value: none } : read
}

/** What goes to the engine in place of the bytes that the client sent. */
export function writeBody(body: JsonObject): string {
  return JSON.stringify(body)
}
