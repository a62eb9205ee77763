// The contract of a command line verb: what `main` hands over and what it gets back. A verb touches
// the terminal, the environment and the clock only through its `Io`, so that a test can stand in.
import type { Readable, Writable } from 'node:stream'

export interface Io {
  readonly env: NodeJS.ProcessEnv
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly cwd: string
  readonly now: () => Date
}

export interface Verb {
  /** What `dockgate NAME --help` prints; teaches with examples that were run. */
  readonly help: string
  /** Resolves to the exit code: 0 done, 1 refused or failed, 2 used wrongly. */
  run(args: string[], io: Io): Promise<number>
}

/** One below a verb, as `dockgate audit show`. */
export interface SubVerb extends Verb {
  readonly name: string
  /** One line, lower case, for the list that the verb above it prints. */
  readonly summary: string
}
