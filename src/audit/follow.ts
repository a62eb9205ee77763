// Reads a log from its beginning, and each time it is asked what has come since, across rotations.
import { statSync } from 'node:fs'
import { logFiles } from './files.ts'
import { readLines, type RawLine } from './lines.ts'

export interface FollowedLine {
  readonly file: string
  readonly line: RawLine
}

export function createReader(logPath: string): () => AsyncGenerator<FollowedLine> {
  /** The file that was read last, by what a rename does not change, and how much of it. */
  let inode: number | undefined
  let offset = 0
  let lines = 0
  return async function* read() {
    const files = logFiles(logPath).map((path) => ({ path, inode: inodeOf(path) }))
    const at = files.findIndex((file) => file.inode === inode)
    if (at === -1) offset = lines = 0
    for (const file of files.slice(Math.max(0, at))) {
      if (file.inode === undefined) continue
      if (file.inode !== inode) offset = lines = 0
      inode = file.inode
      for await (const line of readLines(file.path, offset)) {
        // What is not whole yet is read again.
        if (!line.whole) break
        offset = line.end
        lines += 1
        yield { file: file.path, line: { ...line, number: lines } }
      }
    }
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
