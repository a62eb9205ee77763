// How many containers the services of somebody ask for, and what these may take, wherever they run: counted
// by what is asked for, since tasks come and go by themselves.
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation, Reference, Thing } from '../docker/operation.ts'
import { rollsBack } from '../docker/rollback.ts'
import type { Engine } from './engine.ts'

export interface Tasks {
  readonly count: number
  /** Bytes, and processors. */
  readonly memory: number
  readonly cpus: number
}

/** Of all services with these labels, as if the operation had gone through. */
export async function countTasks(
  engine: Engine,
  filters: string,
  { endpoint, body, target }: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
): Promise<Tasks> {
  const { status, value } = await engine.ask(`/services?filters=${filters}`)
  // No swarm, no services.
  if (status !== 200 || !Array.isArray(value)) return none
  const services = value.map((one: Json) => objectOf(one))
  const nodes = services.length === 0 && body === undefined ? 1 : await countNodes(engine)
  const updated = [...things].find(([{ kind, wants }]) => kind === 'service' && wants === 'target')
  const others = services.filter(({ ID: id }) => id !== updated?.[1]?.id)
  const specs = others.map((service) => objectOf(service['Spec']))
  if (endpoint.id === 'ServiceCreate' || endpoint.id === 'ServiceUpdate') {
    const before = services.find(({ ID: id }) => id === updated?.[1]?.id)
    specs.push(objectOf(rollsBack({ endpoint, target }) ? before?.['PreviousSpec'] : body))
  }
  return specs.map((spec) => tasksOf(spec, nodes)).reduce(sum, none)
}

const none: Tasks = Object.freeze({ count: 0, memory: 0, cpus: 0 })

function sum(one: Tasks, other: Tasks): Tasks {
  return {
    count: one.count + other.count,
    memory: one.memory + other.memory,
    cpus: one.cpus + other.cpus,
  }
}

async function countNodes(engine: Engine): Promise<number> {
  const { status, value } = await engine.ask('/nodes')
  return status === 200 && Array.isArray(value) ? value.length : 1
}

function tasksOf(spec: JsonObject, nodes: number): Tasks {
  const mode = objectOf(spec['Mode'])
  const { Replicated: replicated, ReplicatedJob: job } = mode
  const isGlobal = isObject(mode['Global'] ?? null) || isObject(mode['GlobalJob'] ?? null)
  const count = isGlobal
    ? nodes
    : job === undefined || job === null
      ? amount(objectOf(replicated)['Replicas'], 1)
      : amount(objectOf(job)['MaxConcurrent'], amount(objectOf(job)['TotalCompletions'], 1))
  const resources = objectOf(objectOf(spec['TaskTemplate'])['Resources'])
  const limits = objectOf(resources['Limits'])
  return {
    count,
    memory: count * amount(limits['MemoryBytes'], 0),
    cpus: (count * amount(limits['NanoCPUs'], 0)) / 1e9,
  }
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function amount(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
