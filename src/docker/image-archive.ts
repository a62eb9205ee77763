// What `docker save` writes: `manifest.json`, which names the images of an archive, their settings and their
// layers. Both kinds of JSON are read strictly and written anew with what is known of them: Go takes a key
// in any spelling, and what it would make of the others is judged by nobody. Pure.
import { isObject, readJson } from './json.ts'
import type { Json, JsonObject } from './operation.ts'
import { isFailure } from '../errors.ts'

/** One image of an archive, by the names of its files. */
export interface ArchivedImage {
  readonly config: string
  readonly tags: readonly string[]
  readonly layers: readonly string[]
}

/** A sentence where it cannot be read. Not taken over: which image was whose parent here. */
export function readImageManifest(bytes: Uint8Array): readonly ArchivedImage[] | string {
  const value = parse(bytes)
  if (!isList(value)) return 'manifest.json is no list of images'
  const images: ArchivedImage[] = []
  for (const item of value) {
    if (!isObject(item)) return 'manifest.json is no list of images'
    const { Config: config, RepoTags: tags = null, Layers: layers = null } = item
    const [tagNames, layerNames] = [textsOf(tags), textsOf(layers)]
    if (typeof config !== 'string' || tagNames === undefined || layerNames === undefined) {
      return 'manifest.json names no Config, RepoTags and Layers'
    }
    images.push(Object.freeze({ config, tags: tagNames, layers: layerNames }))
  }
  return images.length === 0 ? 'manifest.json names no image' : images
}

export function writeImageManifest(images: readonly ArchivedImage[]): string {
  return JSON.stringify(
    images.map(({ config, tags, layers }) => ({ Config: config, RepoTags: tags, Layers: layers })),
  )
}

export interface ImageConfig {
  readonly json: JsonObject
  readonly labels: Readonly<Record<string, string>>
  /** `sha256:…` of each layer, uncompressed. */
  readonly diffIds: readonly string[]
}

/** What an engine reads of an image, but for how it was made once. */
const known = {
  image: words(
    'architecture variant os os.version os.features created author comment docker_version history',
  ),
  config: words(
    'User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir StopSignal StopTimeout Healthcheck OnBuild Shell ArgsEscaped',
  ),
}

/** A sentence where it cannot be read. */
export function readImageConfig(bytes: Uint8Array): ImageConfig | string {
  const json = parse(bytes)
  const root = isObject(json) ? json['rootfs'] : undefined
  if (!isObject(json) || !isObject(root)) return 'the settings of an image cannot be read'
  const diffIds = textsOf(root['diff_ids'] ?? null)
  if (diffIds === undefined || root['type'] !== 'layers') return 'an image names no layers'
  const config = isObject(json['config']) ? json['config'] : {}
  const labels: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(isObject(config['Labels']) ? config['Labels'] : {})) {
    if (typeof value !== 'string') return 'a label of an image is no text'
    labels[name] = value
  }
  return { json, labels, diffIds }
}

export function writeImageConfig(
  { json, diffIds }: ImageConfig,
  labels: Readonly<Record<string, string>>,
): string {
  const { config } = json
  return JSON.stringify({
    ...only(json, known.image),
    config: { ...only(isObject(config) ? config : {}, known.config), Labels: labels },
    rootfs: { type: 'layers', diff_ids: diffIds },
  })
}

function parse(bytes: Uint8Array): Json | undefined {
  const read = readJson(bytes)
  return isFailure(read) ? undefined : read.value
}

function only(json: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([name]) => names.has(name)))
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/** Nothing is none of them. */
function textsOf(value: Json): readonly string[] | undefined {
  if (value === null) return []
  if (!isList(value)) return undefined
  const texts = value.filter((item) => typeof item === 'string')
  return texts.length === value.length ? texts : undefined
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
