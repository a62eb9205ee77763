// A bundle in the making, beside the place where it will lie: there whole, or not at all.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CaError } from '../ca-error.ts'
import { makeFolder, syncFolder, syncTree, writeNew } from '../durable.ts'
import { explained } from '../store.ts'
import { replaceFiles, withBundle } from './bundle-folder.ts'

export interface StagedBundle {
  finish(files: ReadonlyMap<string, string | Uint8Array>): Promise<void>
  /** Removes what was not finished. */
  drop(): void
}

/** Refuses, before anything was asked of anybody, where it could not be put in the end. */
export function stageBundle(folder: string, key: string, replace: boolean): StagedBundle {
  refuseTaken(folder, replace)
  const aside = join(dirname(folder), `.${basename(folder)}-${randomBytes(8).toString('hex')}`)
  const drop = (): void => rmSync(aside, { recursive: true, force: true })
  try {
    makeFolder(dirname(folder))
    makeFolder(aside)
    writeNew(join(aside, 'key.pem'), key)
  } catch (error) {
    drop()
    throw explained(error, dirname(folder))
  }
  return {
    drop,
    async finish(files) {
      if (existsSync(join(folder, 'cert.pem'))) {
        return withBundle(folder, async () => replaceFiles(folder, files))
      }
      for (const [name, content] of files) {
        if (name !== 'key.pem') writeNew(join(aside, name), content)
      }
      syncTree(aside)
      renameSync(aside, folder)
      syncFolder(dirname(folder))
    },
  }
}

function refuseTaken(folder: string, replace: boolean): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  if (!existsSync(join(folder, 'cert.pem'))) {
    throw new CaError('exists', `"${folder}" holds other things than a bundle`, {
      hint: '--out with another folder',
    })
  }
  if (replace) return
  throw new CaError('exists', `there is a bundle in "${folder}" already`, {
    hint: '--replace to put the new one in its place, or --out with another folder',
  })
}
