// The shape of a row of the transparency tables: what a person types, and what must come of it. Each
// row is run twice, on the engine's socket and through the gateway, and must look the same.
import type { TerminalStep } from '../../helpers/docker-cli.ts'

export interface Step {
  /**
   * A command line: of docker, or with `docker-compose`, `sh` or another program as its first word.
   * `$name` stands for a name that no other run has, `$dir` for a folder with the row's files,
   * `$docker` for the docker command line in use.
   */
  readonly run: string
  /** The exit code; 0 where it is not said, `any` where versions of docker differ. */
  readonly exit?: number | 'any'
  /** What must be in the output, so that two failures are not taken for two successes. */
  readonly shows?: string | RegExp
  /** What it reads; `null` is a pipe that stays open. Without it, nothing. */
  readonly stdin?: string | null
  readonly terminal?: readonly TerminalStep[]
  readonly env?: Readonly<Record<string, string>>
  /** Ends it by a signal once the text has been printed. */
  readonly interrupt?: { readonly after: string; readonly signal: NodeJS.Signals }
  /** Runs another docker command once the text has been printed. */
  readonly meanwhile?: { readonly after: string; readonly run: string }
  /** What is compared: all (the default), the set of lines, with every number taken for any, or nothing. */
  readonly compare?: 'lines' | 'words' | 'exit'
}

export interface Row {
  readonly name: string
  readonly steps: readonly (Step | string)[]
  readonly files?: Readonly<Record<string, string>>
  /** It sees or changes the engine as a whole, hence nothing else may run meanwhile. */
  readonly alone?: true
  /** Debian's docker only: a newer one needs a plugin for it, or it takes long. */
  readonly debianOnly?: true
}
