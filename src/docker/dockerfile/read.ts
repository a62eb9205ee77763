// A Dockerfile as steps, with all that it names beyond its own context: images, URLs, labels. What the
// classic builder would read in two ways, or BuildKit alone, is a fault. Pure.
import { readLines, type Escape } from './lines.ts'
import { readCopy, readFrom, readLabels, readMetaArg, type Source } from './instructions.ts'
import { readAdd } from './add.ts'
import { trimSpace } from './words.ts'

export type Step =
  /** It names nothing that is judged, and is written as it stands. */
  | { readonly kind: 'line'; readonly text: string }
  /** `FROM` and `COPY --from=`: the source is written between head and tail. */
  | {
      readonly kind: 'from'
      readonly head: string
      readonly source: Source
      readonly tail: string
      /** The stages before it, which its image's triggers may name. */
      readonly before: readonly string[]
    }
  | {
      readonly kind: 'copy'
      readonly head: string
      readonly source: Source
      readonly tail: string
    }

export interface Dockerfile {
  readonly escape: Escape
  readonly steps: readonly Step[]
  /** Images by the name they are asked for, each once. */
  readonly images: readonly string[]
  /** URLs that `ADD` would fetch. */
  readonly urls: readonly string[]
  /** Names of the labels that it sets. */
  readonly labels: readonly string[]
  readonly runs: readonly Run[]
}

/** A `RUN`, with whom it runs as: what the last `USER` says as it stands, or whom the image says. */
export interface Run {
  readonly line: number
  readonly user: User
}

type User = string | { readonly ofImage: string }

export interface Reading {
  readonly buildArgs: ReadonlyMap<string, string>
  /** Whether `ADD` may fetch; else what might turn into a URL is written so that it cannot. */
  readonly remote: boolean
}

/** More of either are no build: each is compared with all before it, and each image asked for. */
const most = { stages: 256, images: 256 }

/** The steps, or a sentence that says what is wrong and where. */
export function readDockerfile(text: string, reading: Reading): Dockerfile | string {
  const read = readLines(text)
  if (typeof read === 'string') return read
  const place = new Place(read.escape, reading.remote)
  const steps: Step[] = []
  const images = new Set<string>()
  for (const { number, text: line } of read.lines) {
    const step = place.hasStage ? readStep(line, place) : readMeta(line, place, reading.buildArgs)
    if (typeof step === 'string') return `Dockerfile line ${number}: ${step}`
    if (step.kind === 'from') place.begin(step.tail.replace(/^ AS /, ''), step.source)
    else if (step.kind === 'line') place.runOrBecome(step.text, number)
    if (step.kind !== 'line' && step.source.is === 'image') images.add(step.source.name)
    if (place.all.length > most.stages) return `Dockerfile: it has more than ${most.stages} stages`
    if (images.size > most.images) return `Dockerfile: it names more than ${most.images} images`
    steps.push(step)
  }
  if (!place.hasStage) return 'Dockerfile: it has no FROM'
  const { escape, urls, labels, runs } = place
  return Object.freeze({ escape, steps, images: [...images], urls, labels, runs })
}

/**
 * What stands against a trigger of a base image, which cannot be written anew: the builder runs it as
 * it is, between the stages `before` and whatever else.
 */
export function faultInTrigger(
  trigger: string,
  before: readonly string[],
  remote: boolean,
): Pick<Dockerfile, 'urls' | 'labels'> | string {
  const read = readLines(trigger)
  if (typeof read === 'string') return read
  const [line] = read.lines
  if (line === undefined || line.text !== trigger || read.escape !== '\\') {
    return 'it is not one plain line'
  }
  const place = new Place('\\', remote)
  for (const name of [...before, 'this one']) place.begin(name, { is: 'scratch' })
  const step = readTriggered(trigger, place)
  if (typeof step === 'string') return step
  if (step.kind === 'line' && step.text !== trigger && place.urls.length === 0) {
    return 'what it adds may turn out to be a URL'
  }
  return { urls: place.urls, labels: place.labels }
}

/** What the steps so far have brought, which the next is read with. */
class Place {
  readonly escape: Escape
  readonly remote: boolean
  readonly urls: string[] = []
  readonly labels: string[] = []
  readonly runs: Run[] = []
  /** Of the global ARGs. */
  readonly values = new Map<string, string>()
  /** By position, the name or nothing; the last is the one that is being built. */
  readonly #stages: string[] = []
  /** Whom each of the stages is left as. */
  readonly #users: User[] = []
  /** What each of them has a stage upon it do first. */
  readonly #triggers: (readonly [text: string, line: number])[][] = []

  constructor(escape: Escape, remote: boolean) {
    this.escape = escape
    this.remote = remote
  }

  get hasStage(): boolean {
    return this.#stages.length > 0
  }

  begin(name: string, source: Source): void {
    const below = source.is === 'stage' ? this.#stages.indexOf(source.name) : -1
    this.#users.push(source.is === 'image' ? { ofImage: source.name } : (this.#users[below] ?? '0'))
    this.#stages.push(name)
    this.#triggers.push([])
    for (const [text, line] of this.#triggers[below] ?? []) this.runOrBecome(text, line)
  }

  /** What the instruction means for who runs what. */
  runOrBecome(text: string, line: number): void {
    const [, word = '', rest = ''] = /^(RUN|USER)(?:[\t ]+(.*))?$/is.exec(text) ?? []
    const now = this.#users.at(-1)
    if (now === undefined) return
    if (word.toUpperCase() === 'RUN') this.runs.push({ line, user: now })
    if (word.toUpperCase() === 'USER') this.#users[this.#users.length - 1] = trimSpace(rest)
    const [, trigger] = /^ONBUILD (.*)$/is.exec(text) ?? []
    if (trigger !== undefined) this.#triggers.at(-1)?.push([trigger, line])
  }

  get all(): readonly string[] {
    return [...this.#stages]
  }

  /** Those that are built by then. */
  get finished(): readonly string[] {
    return this.#stages.slice(0, -1)
  }
}

const known: ReadonlySet<string> = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
])

/** Before the first stage. */
function readMeta(
  text: string,
  place: Place,
  buildArgs: ReadonlyMap<string, string>,
): Step | string {
  const split = splitInstruction(text)
  if (typeof split === 'string') return split
  const { word, rest } = split
  if (word === 'FROM') return readStep(text, place)
  if (word !== 'ARG') return `${word} stands before the first FROM`
  return readMetaArg(rest, place.escape, place.values, buildArgs) ?? { kind: 'line', text }
}

function readStep(text: string, place: Place): Step | string {
  const split = splitInstruction(text)
  if (typeof split === 'string') return split
  const { word, rest } = split
  switch (word) {
    case 'FROM': {
      const before = place.all
      const from = readFrom(rest, { stages: before, values: place.values, escape: place.escape })
      return typeof from === 'string' ? from : { kind: 'from', ...from, before }
    }
    case 'ONBUILD': {
      if (rest.startsWith('--')) return 'ONBUILD has no options'
      const step = readTriggered(rest, place)
      if (typeof step === 'string') return step
      // What a later build makes of it is judged then.
      return step.kind === 'line'
        ? { kind: 'line', text: `ONBUILD ${step.text}` }
        : { ...step, head: `ONBUILD ${step.head}` }
    }
    case 'COPY':
    case 'ADD':
    case 'RUN':
    case 'LABEL':
      return readJudged(word, rest, text, place)
    default:
      return { kind: 'line', text }
  }
}

/** A trigger: no image of its own, since nothing can hold its name to what it means now. */
function readTriggered(text: string, place: Place): Step | string {
  const split = splitInstruction(text)
  if (typeof split === 'string') return split
  const { word, rest } = split
  if (word === 'FROM' || word === 'ONBUILD' || word === 'MAINTAINER') {
    return `${word} is not allowed in ONBUILD`
  }
  const step = readJudged(word, rest, text, place)
  if (typeof step === 'string' || step.kind === 'line' || step.source.is === 'stage') return step
  return 'ONBUILD copies from an image; name the image in the Dockerfile that builds upon it'
}

function readJudged(word: string, rest: string, text: string, place: Place): Step | string {
  const { escape, remote } = place
  if (word === 'RUN' || word === 'ADD' || word === 'COPY') {
    if (/(^|[\t ])\d*<<-?[\t ]*["']?[A-Za-z_]/.test(rest)) return 'heredocs need BuildKit'
  }
  switch (word) {
    case 'RUN':
      return rest.startsWith('--')
        ? 'options of RUN need BuildKit; put "--" first words in quotes'
        : { kind: 'line', text }
    case 'COPY': {
      const copy = readCopy(rest, place.finished)
      if (typeof copy === 'string') return copy
      return copy.source === undefined
        ? { kind: 'line', text }
        : { kind: 'copy', head: copy.head, source: copy.source, tail: copy.tail }
    }
    case 'ADD': {
      const add = readAdd(rest, remote)
      if (typeof add === 'string') return add
      place.urls.push(...add.urls)
      return { kind: 'line', text: add.text ?? text }
    }
    case 'LABEL': {
      const names = readLabels(rest, escape)
      if (typeof names === 'string') return names
      place.labels.push(...names)
      return { kind: 'line', text }
    }
    default:
      return { kind: 'line', text }
  }
}

/** Where white space decides what is what, only that has one reading. */
const structural: ReadonlySet<string> = new Set(['ADD', 'ARG', 'COPY', 'FROM', 'LABEL', 'ONBUILD'])

function splitInstruction(text: string): { word: string; rest: string } | string {
  const [written = ''] = /^[A-Za-z]+/.exec(text) ?? []
  const word = written.toUpperCase()
  const after = text.slice(written.length)
  if (!known.has(word) || (after !== '' && after[0] !== ' ' && after[0] !== '\t')) {
    return `unknown instruction ${JSON.stringify(text.split(/[\t ]/, 1).join('').slice(0, 40))}`
  }
  if (structural.has(word) && /[^\S \t]|\u0085/.test(after)) {
    return 'it holds white space that is neither a blank nor a tab'
  }
  return { word, rest: trimSpace(after) }
}
