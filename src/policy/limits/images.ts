// Which images may be run, pulled, pushed and built upon.
import { maybeImageId, parseImageReference } from '../../docker/image-reference.ts'
import type { ImagePattern } from '../limits.ts'
import { ownerLabel } from '../ownership.ts'
import { against, listed, textOf, type Asking, type Predicate } from './predicate.ts'

/**
 * A pattern as the operator writes it: a name, normalized as the engine does, in which `*` stands for
 * one path segment or a part of one and `**` for any; perhaps with a tag or a digest. Undefined where
 * it is none.
 */
export function parseImagePattern(text: string): ImagePattern | undefined {
  const [named = '', digest, ...more] = text.split('@')
  if (more.length > 0 || /\s/.test(text)) return undefined
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const tag = hasTag ? named.slice(colon + 1) : undefined
  const name = hasTag ? named.slice(0, colon) : named
  if (!/^[a-z0-9*][a-zA-Z0-9*._:/-]*$/.test(name) || tag === '') return undefined
  const full = fullName(name)
  const [domain = ''] = full.split('/')
  return Object.freeze({
    text,
    name: expressionOf(full),
    domain: expressionOf(domain),
    tag,
    digest,
  })
}

function fullName(name: string): string {
  const [first = '', ...rest] = name.split('/')
  if (name === '**' || name.startsWith('**/')) return name
  if (rest.length === 0) return `docker.io/library/${name}`
  // A registry has a dot, a port, or is localhost.
  const isDomain = first.includes('.') || first.includes(':') || first === 'localhost'
  return isDomain || first === '*' ? name : `docker.io/${name}`
}

function expressionOf(name: string): RegExp {
  const source = name
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === '**') return '.*'
      return part === '*' ? '[^/]*' : part.replaceAll(/[.]/g, '\\.')
    })
    .join('')
  return new RegExp(`^${source}$`, 's')
}

export function matchesImage(patterns: readonly ImagePattern[], reference: string): boolean {
  const parsed = parseImageReference(reference)
  if (parsed === undefined) return false
  return patterns.some(({ name, tag, digest }) => {
    if (!name.test(parsed.name)) return false
    // Beside a digest the engine does not read the tag: it says nothing of what will run.
    if (digest !== undefined) return digest === parsed.digest
    return tag === undefined || (parsed.digest === undefined && tag === parsed.tag)
  })
}

/** Without tag and digest, pull and push move every tag that there is. */
function matchesTransfer(patterns: readonly ImagePattern[], reference: string): boolean {
  const isOne = /[:@][^/]*$/.test(reference)
  const whole = isOne ? patterns : patterns.filter(({ tag }) => tag === undefined)
  return matchesImage(whole, reference)
}

export const image: Predicate = (value, { limits, things }) => {
  const { images } = limits
  if (images === undefined) return undefined
  const wanted = textOf(value)
  // An id has no name of its own: one of those that it has here must be allowed.
  // A name is sent as a name, so that what else its image is called here proves nothing.
  const names = maybeImageId(wanted) ? namesOf(wanted, things) : [wanted]
  if (names.some((name) => matchesImage(images, name))) return undefined
  return against('images', wanted, told(images))
}

function namesOf(id: string, things: Asking['things']): readonly string[] {
  for (const [{ kind, name }, thing] of things) {
    if (kind === 'image' && name === id) return thing?.names ?? []
  }
  return []
}

/** The nodes of a swarm pull what a service names. */
export const serviceImage: Predicate = (value, asking, demand) => {
  const refused = image(value, asking, demand)
  const { pull: patterns } = asking.limits
  const wanted = textOf(value)
  // What is a full id is asked of no registry.
  const isPulled = parseImageReference(wanted) !== undefined
  if (refused !== undefined || patterns === undefined || !isPulled) return refused
  return matchesImage(patterns, wanted) ? undefined : against('pull', wanted, told(patterns))
}

/**
 * Another name for what is here: not one that may be run for an image that may not. What was built or
 * committed through the gateway is of what may be run.
 */
export const renamed: Predicate = (value, asking, demand) => {
  const [, thing] = [...asking.things].find(([{ wants }]) => wants === 'target') ?? []
  const madeHere = (thing?.labels[ownerLabel] ?? '') !== ''
  return madeHere ? undefined : image(value, asking, demand)
}

/** What may be run may be fetched, unless the limits say otherwise. */
export const pull: Predicate = (value, { limits, operation }) => {
  const patterns = limits.pull ?? limits.images
  if (patterns === undefined) return undefined
  const tag = operation.target.query.find(([name]) => name === 'tag')?.[1] ?? ''
  const name = tag === '' ? textOf(value) : `${textOf(value)}${tag.includes(':') ? '@' : ':'}${tag}`
  const isMoved = operation.endpoint.id === 'ImageCreate'
  return (isMoved ? matchesTransfer : matchesImage)(patterns, name)
    ? undefined
    : against('pull', name, told(patterns))
}

export const push: Predicate = (value, { limits }) => {
  const patterns = limits.push
  if (patterns === undefined || matchesTransfer(patterns, textOf(value))) return undefined
  return against('push', value, told(patterns))
}

/** The engine calls the address to try the credentials. */
export const registry: Predicate = (value, { limits }) => {
  const fetched = limits.pull ?? limits.images
  if (fetched === undefined) return undefined
  const patterns = [...fetched, ...(limits.push ?? [])]
  const host = textOf(value)
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '')
  return isDomainOf(patterns, host) ? undefined : against('pull', value, told(patterns))
}

/** The engine asks the registry that the term names, if its first part reads as one. */
export const search: Predicate = (value, { limits }) => {
  const patterns = limits.pull ?? limits.images
  if (patterns === undefined) return undefined
  const [first = '', ...rest] = textOf(value).split('/')
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const host = isHost ? first : 'docker.io'
  return isDomainOf(patterns, host) ? undefined : against('pull', host, told(patterns))
}

function isDomainOf(patterns: readonly ImagePattern[], host: string): boolean {
  const named = host === 'index.docker.io' ? 'docker.io' : host
  return patterns.some(({ domain }) => domain.test(named))
}

function told(patterns: readonly ImagePattern[]): string {
  return listed(patterns.map((pattern) => pattern.text))
}
