// People who load images through a gateway, and what an engine has of it.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { onEngine, removeAll } from './engine.ts'
import { imageArchive, type ArchiveParts } from './image-archive.ts'
import { startPeople, type People } from './people.ts'
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

/**
 * People whose names end in the word, as their layers have it in their files, for the tests of a file:
 * `given` are lines of a name and a role, `declared` those roles that are not built in.
 */
export function loading(word: string, declared: string, given: readonly string[]) {
  const grants = given
    .map((line) => line.split(' '))
    .map(([who, role]) => `  - { to: { name: ${who}-${word} }, roles: [${role}] }`)
  let known: People | undefined
  before(async () => {
    known = await startPeople(`roles:\n${declared}grants:\n${grants.join('\n')}\n`)
  })
  after(async () => {
    await removeAll(word)
    await known?.stop()
  })
  const people = (): People => {
    if (known === undefined) throw new Error('nobody is there before the tests begin')
    return known
  }
  async function load(who: string, archive: Buffer | readonly TarEntry[]): Promise<Loaded> {
    const body = Buffer.isBuffer(archive) ? archive : tarOf(archive)
    const answer = await people().ask(`${who}-${word}`, 'POST /images/load?quiet=1', body)
    return { status: answer.status, text: answer.body.toString() }
  }
  /** A layer of one small file, another one for each text. */
  const layerOf = (text: string): Buffer => tarOf([{ path: `${word}-${text}`, content: text }])
  /** Nothing must come of it. */
  const loadsNothing: typeof load = async (who, archive) => {
    const idsBefore = await imageIds()
    const loaded = await load(who, archive)
    assert.ok(loaded.status >= 400 && loaded.status < 500, `${loaded.status} ${loaded.text}`)
    assert.deepEqual(await imageIds(), idsBefore)
    return loaded
  }
  const archiveOf = (parts: Partial<ArchiveParts>) =>
    imageArchive({ layers: [layerOf('a')], ...parts })
  return { people, load, loadsNothing, layerOf, archiveOf }
}
