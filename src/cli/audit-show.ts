// `dockgate audit show`: the audit as a person reads it, or as the records that match.
import { setTimeout as wait } from 'node:timers/promises'
import { basename, resolve } from 'node:path'
import { createChainsReader } from '../audit/chains.ts'
import type { FollowedLine } from '../audit/follow.ts'
import { harmless, parseLine, type Line } from '../audit/line.ts'
import { readLines, type RawLine } from '../audit/lines.ts'
import { describeEnd, describeLine, isWanted, outcomeOf, type Wanted } from '../audit/show.ts'
import { loadSettings } from '../config/load.ts'
import { readArguments, UsageError } from './arguments.ts'
import { readWhen } from './when.ts'
import type { Io, SubVerb } from './verb.ts'

const usage =
  'dockgate audit show [--who NAME] [--what WHAT] [--since WHEN] [--until WHEN] [--denied] [--would-deny] [--id ID] [--json] [--follow] [FILES]'

const help = `usage: ${usage}

Shows who did what, and what came of it; without FILES from the whole log, rotated files included.

  --who NAME    of the certificate with this name
  --what WHAT   a permission (container.rm, image.*), or words of what was done ("container web")
  --since WHEN  a time (2026-11-24, 2026-11-24T04:00Z) or a span back from now (90s, 15m, 2h, 7d)
  --until WHEN
  --denied      only what was not allowed
  --would-deny  only what a role on trial would not have allowed
  --id ID       one request, as a denied client quotes it
  --json        the records themselves, one a line; the ends of requests too
  --follow      goes on with what is written from now on, until a signal

examples:
  dockgate audit show --who alice --since 2h
  dockgate audit show --denied --follow
  dockgate audit show --what container.rm --json
`

export const show: SubVerb = {
  name: 'show',
  summary: 'who did what, and what came of it',
  help,
  async run(args, io) {
    const word = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const options = { who: word, what: word, since: word, until: word, id: word }
    const flags = { denied: flag, 'would-deny': flag, json: flag, follow: flag }
    const read = readArguments(args, { ...options, ...flags }, { min: 0, max: Infinity, usage })
    const { values, positionals } = read
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const now = io.now().getTime()
    const wanted: Wanted = {
      who: values.who,
      what: values.what,
      since: readWhen(values.since, 'since', now),
      until: readWhen(values.until, 'until', now),
      denied: values.denied === true,
      wouldDeny: values['would-deny'] === true,
      id: values.id,
    }
    const { path } = loadSettings(io.env, io.cwd).audit
    const given = positionals.map((file) => resolve(io.cwd, file))
    const lines = given.length === 0 ? () => createChainsReader(path)() : () => linesOf(given)
    const follow = values.follow === true
    if (follow && given.length > 0) throw new UsageError('--follow reads the log, not FILES')
    const teller = new Teller(wanted, values.json === true, follow, io)
    if (follow) {
      const next = createChainsReader(path)
      for (;;) {
        for await (const { file, line } of next()) teller.tell(line, file)
        await wait(followEveryMs)
      }
    }
    // Looked up first, so that an end stands on the line of its decision.
    if (values.json !== true) {
      for await (const { line } of lines()) teller.learn(line)
    }
    for await (const { file, line } of lines()) teller.tell(line, file)
    return teller.unreadable === 0 ? 0 : 1
  },
}

async function* linesOf(files: readonly string[]): AsyncGenerator<FollowedLine> {
  for (const file of files) for await (const line of readLines(file)) yield { file, line }
}

const followEveryMs = 250
/** While following, what lasts longer or fails is told again when it ends. */
const worthAnEndMs = 1_000

class Teller {
  readonly #wanted: Wanted
  readonly #json: boolean
  readonly #follow: boolean
  readonly #io: Io
  /** By request: what was asked while following, else how it ended. */
  readonly #requests = new Map<string, string>()
  unreadable = 0

  constructor(wanted: Wanted, json: boolean, follow: boolean, io: Io) {
    this.#wanted = wanted
    this.#json = json
    this.#follow = follow
    this.#io = io
  }

  learn({ bytes }: RawLine): void {
    const line = parseLine(bytes)
    if (line === undefined) return
    const id = String(line.fields['id'])
    if (line.event === 'decided' && isWanted(line, this.#wanted)) this.#requests.set(id, '')
    if (line.event === 'ended' && this.#requests.has(id)) this.#requests.set(id, outcomeOf(line))
  }

  tell({ bytes, number, whole }: RawLine, file: string): void {
    if (!whole) return
    const line = parseLine(bytes)
    if (line === undefined) {
      this.unreadable += 1
      this.#io.stderr.write(
        `dockgate: ${basename(file)}:${number} cannot be read\nhint: dockgate audit verify\n`,
      )
      return
    }
    const id = String(line.fields['id'])
    if (line.event === 'ended') this.#tellEnd(line, id)
    else if (isWanted(line, this.#wanted)) {
      if (this.#json) this.#writeJson(line)
      else this.#write(describeLine(line, this.#requests.get(id) || undefined))
      if (this.#json || this.#follow) this.#requests.set(id, String(line.fields['intent']))
    }
  }

  #tellEnd(line: Line, id: string): void {
    if (!this.#json && !this.#follow) return
    const asked = this.#requests.get(id)
    if (asked === undefined) return
    this.#requests.delete(id)
    const { durationMs, status } = line.fields
    if (this.#json) this.#writeJson(line)
    else if (Number(durationMs) >= worthAnEndMs || Number(status) >= 400) {
      this.#write(describeEnd(line, asked, outcomeOf(line)))
    }
  }

  /** Written anew: a line that somebody changed may hold what a terminal obeys. */
  #writeJson({ fields }: Line): void {
    this.#write(harmless(JSON.stringify(fields)))
  }

  #write(text: string): void {
    this.#io.stdout.write(`${text}\n`)
  }
}
