// What is sent for a build that was asked for: its owner's labels, and the most that the role may have
// where the client asks for nothing. Pure.
import { isObject, readJson } from '../docker/json.ts'
import type { Json, Operation } from '../docker/operation.ts'
import { firstValue, readInt, withValue } from '../docker/query.ts'
import { GatewayError, isFailure } from '../errors.ts'
import { safeLimits, type Limits } from './limits.ts'
import { usualShm, withUlimits } from './limits/amounts.ts'

type Query = Operation['target']['query']

export function fillBuild(
  operation: Operation,
  limits: Limits | 'none',
  owner: Readonly<Record<string, string>>,
): Operation {
  let { query } = operation.target
  const labels = jsonIn(query, 'labels')
  const all = { ...(isObject(labels) ? labels : {}), ...owner }
  query = withValue(query, 'labels', JSON.stringify(all))
  const { memory, cpus, shm, ulimits } = limits === 'none' ? safeLimits : limits
  if (memory !== undefined && readInt(firstValue(query, 'memory')) === 0n) {
    query = withValue(query, 'memory', String(memory))
  }
  if (cpus !== undefined && readInt(firstValue(query, 'cpuquota')) === 0n) {
    const period = Number(readInt(firstValue(query, 'cpuperiod'))) || 100_000
    query = withValue(query, 'cpuperiod', String(period))
    query = withValue(query, 'cpuquota', String(Math.floor(cpus * period)))
  }
  if (shm !== undefined && readInt(firstValue(query, 'shmsize')) === 0n) {
    query = withValue(query, 'shmsize', String(Math.min(shm, usualShm)))
  }
  if (ulimits.size > 0) {
    const filled = withUlimits(jsonIn(query, 'ulimits'), ulimits)
    query = withValue(query, 'ulimits', JSON.stringify(filled))
  }
  return Object.freeze({ ...operation, target: Object.freeze({ ...operation.target, query }) })
}

function jsonIn(query: Query, name: string): Json {
  const text = firstValue(query, name)
  if (!text) return null
  const read = readJson(Buffer.from(text))
  if (isFailure(read)) throw new GatewayError(read)
  return read.value
}
