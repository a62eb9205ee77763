// An archive of images on its way to the engine. Nothing of it passes but the bytes of layers, under names
// of ours: what the images are called, of which layers they are, and whose they are is read, judged, and
// written anew, last. Until then the engine has nothing to load, and what it reads has one reading, whatever
// names, links and second manifests the archive holds.
import { createHash, randomBytes } from 'node:crypto'
import { cleanPath } from '../../docker/ignore-file.ts'
import {
  readImageConfig,
  readImageManifest,
  writeImageConfig,
  writeImageManifest,
  type ArchivedImage,
  type ImageConfig,
} from '../../docker/image-archive.ts'
import { printable } from '../../docker/printable.ts'
import { writeTarHeader, type TarHeader } from '../../docker/tar-header.ts'
import { LayerDigest, mostLayerBytes } from './layer-digest.ts'
import { endOfArchive, padded, TarReader } from './reader.ts'

/** What would come into being. */
export interface Loading {
  readonly images: readonly { readonly tags: readonly string[]; readonly config: ImageConfig }[]
  /** Of all layers, uncompressed. */
  readonly bytes: number
}

export interface LoadRules {
  /** The labels that each image gets; throws `ArchiveRefused`. */
  readonly judge: (
    loading: Loading,
  ) => Promise<(config: ImageConfig) => Readonly<Record<string, string>>>
}

const most = {
  entries: 16_384,
  nameLength: 512,
  /** Of images, and of names that they are given. */
  images: 1_000,
  manifestBytes: 1024 * 1024,
  /** Of one file that may be an image's settings, and of all of them. */
  jsonBytes: 1024 * 1024,
  allJsonBytes: 8 * 1024 * 1024,
}

/** A file of the archive: held because it may be settings, or sent on because it may be a layer. */
type File =
  | { readonly is: 'held'; readonly content: Buffer }
  | { readonly is: 'sent'; readonly name: string; readonly digest: string | undefined }
  | { readonly is: 'link'; readonly to: string }

export async function* gateImages(
  source: AsyncIterable<Buffer>,
  rules: LoadRules,
): AsyncGenerator<Buffer> {
  const reader = new TarReader(source, 'the image archive')
  const files = new Map<string, File>()
  let manifest: Buffer | undefined
  let heldBytes = 0
  let layerBytes = 0
  // Engines that keep images in containerd know what they take in by its name alone, and would go on with
  // what somebody else's load has left there.
  const prefix = randomBytes(16).toString('hex')
  let sent = 0
  const layerName = (): string => `${prefix}-${sent++}.tar`
  for (let entries = 0; ; entries++) {
    const entry = await reader.entry()
    if (entry === undefined) break
    const { header } = entry
    if (entries > most.entries) throw reader.refused(`it has more than ${most.entries} entries`)
    if (header.type === '5') continue
    const path = pathOf(reader, header)
    if (files.has(path) || (manifest !== undefined && path === manifestName)) {
      throw reader.refused(`${printable(path)} stands there twice`)
    }
    if (path === manifestName) {
      manifest = await reader.whole(header, most.manifestBytes)
    } else if (header.type === '2') {
      files.set(path, { is: 'link', to: targetOf(reader, path, header) })
    } else if (header.type !== '0') {
      throw reader.refused(`${printable(path)} is no regular file`)
    } else if (header.size <= most.jsonBytes) {
      const content = await reader.whole(header, most.jsonBytes)
      if (maybeJson(content)) {
        heldBytes += content.length
        if (heldBytes > most.allJsonBytes) throw reader.refused('it holds too much beside layers')
        files.set(path, { is: 'held', content })
      } else {
        const layer = await layerOf(layerName(), content)
        layerBytes += layer.bytes
        files.set(path, layer.file)
        yield* layer.entry
      }
    } else {
      const name = layerName()
      const digest = new LayerDigest()
      try {
        yield writeTarHeader(name, header.size)
        let left = header.size
        for await (const part of reader.content(header.size)) {
          if (left > 0) await digest.write(part.subarray(0, left))
          left -= part.length
          yield part
        }
        files.set(path, { is: 'sent', name, digest: await digest.end() })
        layerBytes += digest.bytes
      } finally {
        digest.close()
      }
    }
    if (layerBytes > mostLayerBytes) throw reader.refused('its layers are too large')
  }
  if (manifest === undefined) {
    throw reader.refused(
      'it has no manifest.json, which "docker save" writes since Docker 1.10; an OCI layout alone is not taken',
    )
  }
  const named = readImageManifest(manifest)
  if (typeof named === 'string') throw reader.refused(named)
  const names = named.reduce((sum, { tags }) => sum + tags.length, 0)
  if (named.length > most.images || names > most.images)
    throw reader.refused(`it is of more than ${most.images} images or names`)

  const written: ArchivedImage[] = []
  const images: Loading['images'][number][] = []
  const late = new Map<string, string>()
  const settings = new Map<string, ImageConfig>()
  for (const { config: path, tags, layers } of named) {
    const config = settings.get(path) ?? settingsOf(reader, files, path)
    settings.set(path, config)
    if (layers.length !== config.diffIds.length) {
      throw reader.refused(`${printable(path)} is of other layers than manifest.json says`)
    }
    const layerNames: string[] = []
    for (const [index, layer] of layers.entries()) {
      let file = fileAt(reader, files, layer)
      if (file.is === 'held') {
        const moved = await layerOf(layerName(), file.content)
        layerBytes += moved.bytes
        files.set(cleanPath(layer), moved.file)
        yield* moved.entry
        file = moved.file
      }
      if (file.digest !== config.diffIds[index]) {
        throw reader.refused(
          `the layer ${printable(layer)} is not what its image says (layers are taken plain or compressed with gzip)`,
        )
      }
      layerNames.push(file.name)
    }
    images.push({ tags, config })
    written.push({ config: '', tags, layers: layerNames })
  }
  const labelsFor = await rules.judge({ images, bytes: layerBytes })
  const nameOf = new Map<ImageConfig, string>()
  for (const config of settings.values()) {
    const text = writeImageConfig(config, labelsFor(config))
    const name = `${createHash('sha256').update(text).digest('hex')}.json`
    nameOf.set(config, name)
    late.set(name, text)
  }
  const manifestOfOurs = written.map((image, index) => {
    const config = images[index]?.config
    const name = config && nameOf.get(config)
    if (name === undefined) throw new Error('INVARIANT: each image has its settings')
    return { ...image, config: name }
  })
  late.set(manifestName, writeImageManifest(manifestOfOurs))
  for (const [name, text] of late) yield* smallEntry(name, Buffer.from(text))
  yield endOfArchive
  await reader.end()
}

const manifestName = 'manifest.json'

/** An archive is written by a program: a name that has to be understood is a trick. */
function pathOf(reader: TarReader, { path }: TarHeader): string {
  const isPlain = !path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\\')
  const clean = cleanPath(path)
  if (isPlain && clean !== '' && path.length <= most.nameLength) return clean
  throw reader.refused(`${printable(path)} is no name of a file in it`)
}

/** `docker save` links a layer that is there already; the engine sees no link, but what it means. */
function targetOf(reader: TarReader, path: string, { link }: TarHeader): string {
  if (link === undefined || link.startsWith('/') || link.length > most.nameLength) {
    throw reader.refused(`${printable(path)} is a link out of it`)
  }
  const folder = path.split('/').slice(0, -1)
  const up = link.split('/').filter((part) => part === '..').length
  if (up > folder.length) throw reader.refused(`${printable(path)} is a link out of it`)
  return cleanPath([...folder, link].join('/'))
}

/** A layer is an archive, which begins with the name of a file and is longer than one block. */
function maybeJson(content: Buffer): boolean {
  return content.length < 512 || /^\s*\{/.test(content.toString('latin1', 0, 64))
}

async function layerOf(name: string, content: Buffer) {
  const digest = new LayerDigest()
  await digest.write(content)
  const file = { is: 'sent', name, digest: await digest.end() } as const
  return { file, bytes: digest.bytes, entry: smallEntry(name, content) }
}

function* smallEntry(name: string, content: Buffer): Generator<Buffer> {
  yield writeTarHeader(name, content.length)
  yield padded(content)
}

function fileAt(
  reader: TarReader,
  files: ReadonlyMap<string, File>,
  path: string,
): Exclude<File, { is: 'link' }> {
  const found = files.get(cleanPath(path))
  const file = found?.is === 'link' ? files.get(found.to) : found
  if (file === undefined || file.is === 'link') {
    throw reader.refused(`manifest.json names ${printable(path)}, which is not there`)
  }
  return file
}

function settingsOf(
  reader: TarReader,
  files: ReadonlyMap<string, File>,
  path: string,
): ImageConfig {
  const file = fileAt(reader, files, path)
  const read =
    file.is === 'held' ? readImageConfig(file.content) : `${printable(path)} is no image’s settings`
  if (typeof read === 'string') throw reader.refused(read)
  return read
}
