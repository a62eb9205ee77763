// Users, labels, environment, commands: what is compared word for word.
import { isObject } from '../../docker/json.ts'
import type { Json } from '../../docker/operation.ts'
import { against, listed, textOf, wordsOf, type Predicate } from './predicate.ts'
import { template } from './template.ts'

/** A name may stand for 0 in the image's own passwd file. */
export const user: Predicate = (value, { limits }) =>
  limits.user === 'any' || isNonroot(textOf(value))
    ? undefined
    : against('user', value === '' ? 'the one of the image' : value, 'a number other than 0')

export function isNonroot(text: string): boolean {
  return /^[1-9]\d{0,9}(:[1-9]\d{0,9})?$/.test(text)
}

export const groups: Predicate = (value, { limits }) => {
  if (limits.user === 'any') return undefined
  const refused = wordsOf(value).find((group) => !/^[1-9]\d{0,9}$/.test(group))
  return refused === undefined ? undefined : against('user', refused, 'a number other than 0')
}

/** Who owns a thing, and what swarm keeps on its tasks, is not for clients to say. */
export const reserved = /^(dockgate\.|com\.docker\.swarm\.)/i

export const labels: Predicate = (value, { operation }) => {
  if (!isObject(value)) return against('safe', value, 'an object of strings')
  const given = Object.keys(value).find(
    (name) => reserved.test(name) && !isKept(operation.endpoint.id, name),
  )
  return given === undefined ? undefined : against('safe', given, 'labels that are not reserved')
}

/** An update sends the whole specification back, with the labels that were put there before. */
function isKept(endpointId: string, name: string): boolean {
  return endpointId.endsWith('Update') && name.startsWith('dockgate.')
}

/** A name that reads as an id would stand before whatever gets that id later. */
export const containerName: Predicate = (value) =>
  /^\/?[0-9a-f]{12,64}$/.test(textOf(value))
    ? against('safe', value, 'a name that could be no id')
    : undefined

export const env: Predicate = (value, { limits }) => {
  if (limits.forbidEnv.size === 0) return undefined
  // The name alone: what stands behind it may be a secret.
  const names = wordsOf(value).map((entry) => entry.split('=', 1)[0] ?? '')
  const refused = names.find((name) => limits.forbidEnv.has(name))
  return refused === undefined
    ? undefined
    : against('forbidEnv', refused, `any but ${listed(limits.forbidEnv)}`)
}

/** Swarm fills in what stands behind the name. */
export const serviceEnv: Predicate = (value, asking, demand) =>
  env(value, asking, demand) ?? template(value, asking, demand)

export const command: Predicate = (value, { limits }) => {
  const { commands } = limits.exec
  if (commands === undefined) return undefined
  const words = wordsOf(value)
  const fits = commands.some(
    (allowedWords) =>
      allowedWords.length === words.length &&
      allowedWords.every((word, index) => word === '*' || word === words[index]),
  )
  const allowed = listed(commands.map((allowedWords) => allowedWords.join(' ')))
  return fits ? undefined : against('exec.commands', words[0] ?? '', allowed)
}

export const build: Predicate = (value, { limits, operation }, { field }) => {
  const { build: allowed } = limits
  switch (field) {
    case '?networkmode':
      // A container's or a network's name is resolved and judged as a reference.
      return isReference(operation.references, value) || allowed.networks.has(textOf(value))
        ? undefined
        : against('build.network', value, listed(allowed.networks))
    case '?fromSrc':
      // `-` is the body; all else is fetched by the engine.
      return value === '-' || allowed.remote
        ? undefined
        : against('build.remote', value, 'an archive that is sent')
    case '?remote':
      // `client-session` is BuildKit's word for a context that comes by the session.
      return allowed.remote ? undefined : against('build.remote', value, 'a context that is sent')
    case '?version':
      return value === '1'
        ? undefined
        : against('safe', 'BuildKit', 'the classic builder: set DOCKER_BUILDKIT=0')
    default:
      return against('safe', value, 'nothing')
  }
}

function isReference(
  references: readonly { readonly kind: string; readonly before: string; readonly name: string }[],
  value: Json,
): boolean {
  return references.some(
    (reference) =>
      (reference.kind === 'network' || reference.kind === 'container') &&
      `${reference.before}${reference.name}` === value,
  )
}

export const buildArgs: Predicate = (value, { limits }) => {
  const { args } = limits.build
  if (!isObject(value)) return against('build.args', 'build arguments', 'a JSON object')
  if (args === undefined) return undefined
  const refused = Object.keys(value).find((name) => !args.has(name))
  return refused === undefined ? undefined : against('build.args', refused, listed(args))
}
