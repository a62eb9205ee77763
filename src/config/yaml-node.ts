// A YAML document read strictly: duplicate keys, anchors, aliases and tags are faults, and every value
// knows its path and its line, so that a fault can name them.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Node as YamlNode,
} from 'yaml'
import { nearest } from '../nearest.ts'
import type { Fault } from './fault.ts'

export interface Reading {
  readonly root: Value
  readonly faults: Fault[]
}

interface Source {
  readonly name: string
  readonly lines: LineCounter
  readonly faults: Fault[]
}

/** One value of the document, with the faults it collects. */
export class Value {
  readonly path: string
  readonly node: YamlNode | null
  readonly #document: Source

  constructor(path: string, node: YamlNode | null, document: Source) {
    this.path = path
    this.node = node
    this.#document = document
  }

  /** Line in the file, from 1. */
  get line(): number {
    return this.#document.lines.linePos(this.node?.range?.[0] ?? 0).line
  }

  fault(message: string, hint?: string): undefined {
    const { name, lines, faults } = this.#document
    const { line, col } = lines.linePos(this.node?.range?.[0] ?? 0)
    const path = this.path === '' ? '' : `${this.path}: `
    faults.push({
      where: `${name}:${line}:${col}`,
      message: `${path}${message}`,
      ...(hint === undefined ? {} : { hint }),
    })
    return undefined
  }

  get isEmpty(): boolean {
    return this.node === null || (isScalar(this.node) && this.node.value === null)
  }

  /** Keys and values of a mapping; `known` undefined lets any key pass. */
  entries(known?: readonly string[]): ReadonlyMap<string, Value> {
    const found = new Map<string, Value>()
    if (this.isEmpty) return found
    if (!isMap(this.node)) {
      this.fault('a mapping is needed here')
      return found
    }
    for (const { key, value } of this.node.items) {
      const name = isScalar(key) ? key.value : undefined
      const at = new Value(this.path, key as YamlNode, this.#document)
      if (typeof name !== 'string') {
        at.fault('a key must be a plain word', 'put it in quotes')
      } else if (known !== undefined && !known.includes(name)) {
        const near = nearest(name, known)
        at.fault(
          `unknown key ${JSON.stringify(name)}`,
          near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`,
        )
      } else {
        const path = this.path === '' ? name : `${this.path}.${name}`
        const node = (value as YamlNode | null) ?? (key as YamlNode)
        found.set(name, new Value(path, value === null ? null : node, this.#document))
      }
    }
    return found
  }

  items(): readonly Value[] {
    if (this.isEmpty) return []
    if (!isSeq(this.node)) {
      this.fault('a list is needed here', 'write [one, two]')
      return []
    }
    return this.node.items.map(
      (item, index) => new Value(`${this.path}[${index}]`, item as YamlNode, this.#document),
    )
  }

  /** A string, also where YAML reads an unquoted number; undefined, with a fault, for all else. */
  text(): string | undefined {
    const value = isScalar(this.node) ? this.node.value : undefined
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number' && isScalar(this.node)) return String(this.node.source ?? value)
    return this.fault('a word is needed here')
  }

  texts(): readonly { readonly value: Value; readonly text: string }[] {
    return this.items().flatMap((value) => {
      const text = value.text()
      return text === undefined ? [] : [{ value, text }]
    })
  }
}

export function readYaml(text: string, name: string): Reading {
  const lines = new LineCounter()
  const faults: Fault[] = []
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  for (const problem of [...document.errors, ...document.warnings]) {
    const [first = 'unreadable'] = problem.message.split('\n')
    faults.push({ where: at(problem.pos[0]), message: first.replace(/ at line .*$/, '') })
  }
  visit(document, {
    Node: (_key, node) => {
      const marked = isAlias(node) || Boolean(node.anchor) || Boolean(node.tag)
      if (marked) {
        faults.push({
          where: at(node.range?.[0] ?? 0),
          message: 'anchors, aliases and tags are not read here',
          hint: 'write the value out',
        })
      }
    },
  })
  const root = new Value('', document.contents, { name, lines, faults })
  return { root, faults }
}
