// Asks the engine what there is of somebody's, for answers that mention or count things of everybody's.
import { textOf } from '../docker/json-edit.ts'
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject } from '../docker/operation.ts'
import { sees, type Theirs } from '../policy/filter-answer.ts'
import type { View } from '../policy/view.ts'
import type { Engine } from './engine.ts'

const nothing: Theirs = Object.freeze({ containers: new Map<string, never>(), images: 0 })

type Reach = NonNullable<View['reach']>

/** Asks for what is needed, once for one answer. */
export function lookUpTheirs(
  engine: Engine,
  reach: Reach,
): (needed: readonly (keyof Theirs)[]) => Promise<Theirs> {
  let containers: Promise<Theirs['containers']> | undefined
  let images: Promise<number> | undefined
  return async (needed) => {
    if (needed.length === 0) return nothing
    if (needed.includes('containers')) containers ??= theirContainers(engine, reach)
    if (needed.includes('images')) images ??= countImages(engine, reach)
    return {
      containers: (await containers) ?? nothing.containers,
      images: (await images) ?? nothing.images,
    }
  }
}

/** `?filters=…` that the engine answers with theirs alone. */
export function onlyTheirs(reach: Reach): string {
  return `filters=${encodeURIComponent(JSON.stringify({ label: reach.labels }))}`
}

/** The elements of a list that the engine answers, whole or under this key. */
export async function askList(
  engine: Engine,
  path: string,
  key?: string,
): Promise<readonly JsonObject[]> {
  const { status, value } = await engine.ask(path)
  if (status !== 200) throw new Error(`the engine answers ${status} to ${path}`)
  const all = value as Json
  const found = key === undefined ? all : isObject(all) ? all[key] : undefined
  return Array.isArray(found) ? (found as readonly Json[]).filter((one) => isObject(one)) : []
}

async function theirContainers(engine: Engine, reach: Reach): Promise<Theirs['containers']> {
  const found = await askList(engine, `/containers/json?all=1&${onlyTheirs(reach)}`)
  return new Map(
    found.map(({ Id: id, ImageID: image, State: state }) => [
      textOf(id),
      { image: textOf(image), state: textOf(state) },
    ]),
  )
}

async function countImages(engine: Engine, reach: Reach): Promise<number> {
  const all = await askList(engine, '/images/json')
  return all.filter((image) => sees('ImageList', reach, image)).length
}
