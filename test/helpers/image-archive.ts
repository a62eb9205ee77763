// Archives of images as `docker save` writes them.
import { createHash } from 'node:crypto'
import type { TarEntry } from './tar.ts'

export const sha256 = (bytes: string | Buffer): string =>
  createHash('sha256').update(bytes).digest('hex')
export interface ArchiveParts {
  readonly layers: readonly Buffer[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly settings?: Readonly<Record<string, unknown>>
  readonly tags?: readonly string[] | null
}

/** An archive as `docker save` writes it: settings, layers, and manifest.json after them. */
export function imageArchive({ layers, config = {}, settings = {}, tags = null }: ArchiveParts) {
  const text = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map(() => ({ created_by: 'test' })),
    ...settings,
  })
  const name = `${sha256(text)}.json`
  const paths = layers.map((layer) => `${sha256(layer)}/layer.tar`)
  const manifest = [{ Config: name, RepoTags: tags, Layers: paths }]
  return {
    manifest,
    config: { path: name, content: text },
    layers: layers.map((content, index) => ({ path: paths[index] ?? '', content })),
    entries(over: readonly TarEntry[] = []): readonly TarEntry[] {
      return [
        { path: name, content: text },
        ...this.layers,
        { path: 'manifest.json', content: JSON.stringify(manifest) },
        ...over,
      ]
    },
  }
}
