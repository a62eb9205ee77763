// People who load images through a gateway, and what an engine has of it.
import assert from 'node:assert/strict'
import { onEngine } from './engine.ts'
import { imageArchive, type ArchiveParts } from './image-archive.ts'
import type { People } from './people.ts'
import { tarOf, type TarEntry } from './tar.ts'

export interface Loaded {
  readonly status: number
  readonly text: string
}

export interface Image {
  readonly Id: string
  readonly RepoTags: readonly string[]
  readonly Config: { readonly Labels: Readonly<Record<string, string>>; readonly Env: string[] }
  readonly RootFS: { readonly Layers: readonly string[] }
}

export const inspect = (name: string): Promise<Image> => onEngine<Image>(`/images/${name}/json`)

export async function imageIds(): Promise<readonly string[]> {
  const images = await onEngine<readonly Image[]>('/images/json?all=1')
  return images.map(({ Id }) => Id).toSorted()
}

/** Of people whose names end in the word, as their layers have it in their files. */
export function loading(word: string, people: () => People) {
  async function load(who: string, archive: Buffer | readonly TarEntry[]): Promise<Loaded> {
    const body = Buffer.isBuffer(archive) ? archive : tarOf(archive)
    const answer = await people().ask(`${who}-${word}`, 'POST /images/load?quiet=1', body)
    return { status: answer.status, text: answer.body.toString() }
  }
  /** A layer of one small file, another one for each text. */
  const layerOf = (text: string): Buffer => tarOf([{ path: `${word}-${text}`, content: text }])
  /** Nothing must come of it. */
  const loadsNothing: typeof load = async (who, archive) => {
    const known = await imageIds()
    const loaded = await load(who, archive)
    assert.ok(loaded.status >= 400 && loaded.status < 500, `${loaded.status} ${loaded.text}`)
    assert.deepEqual(await imageIds(), known)
    return loaded
  }
  const archiveOf = (parts: Partial<ArchiveParts>) =>
    imageArchive({ layers: [layerOf('a')], ...parts })
  return { load, loadsNothing, layerOf, archiveOf }
}
