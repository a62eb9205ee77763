// Which rotated files need not be kept any longer. Pure.
import type { RotatedFile } from './files.ts'

/** Both undefined: everything is kept. */
export interface Keep {
  readonly days: number | undefined
  /** Rotated files, beside the one that is written. */
  readonly files: number | undefined
}

const dayMs = 86_400_000

/** The oldest of `rotated`, which is in order: always a beginning of it, so that no hole is made. */
export function expiredFiles(
  rotated: readonly RotatedFile[],
  keep: Keep,
  today: string,
): readonly RotatedFile[] {
  const surplus = keep.files === undefined ? 0 : Math.max(0, rotated.length - keep.files)
  const oldest = keep.days === undefined ? -Infinity : Date.parse(today) - keep.days * dayMs
  const kept = rotated.findIndex(
    (file, index) => index >= surplus && Date.parse(file.day) >= oldest,
  )
  return rotated.slice(0, kept === -1 ? rotated.length : kept)
}
