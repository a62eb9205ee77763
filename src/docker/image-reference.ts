// Image names as the engine reads them (github.com/distribution/reference, normalize.go): `busybox`
// is `docker.io/library/busybox:latest`. What that package refuses is refused here.

export interface ImageReference {
  /** `docker.io`, `registry.example.com:5000` */
  readonly domain: string
  /** `library/busybox` */
  readonly path: string
  /** Domain and path: `docker.io/library/busybox`. */
  readonly name: string
  /** As written; `latest` where neither tag nor digest is. */
  readonly tag: string | undefined
  /** `sha256:…` */
  readonly digest: string | undefined
  /** All of it in one spelling: `docker.io/library/busybox:latest`. */
  readonly canonical: string
}

const defaultDomain = 'docker.io'
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const grammar = {
  domain: new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`),
  path: new RegExp(`^${component}(?:/${component})*$`),
  tag: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  // go-digest knows these algorithms and the length of each.
  digest: /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/,
}
const longestPath = 255
// ParseAnyReference: with the digest as a name's tag, one package reads a name, another an id.
const fullId = /^(?:(?:sha256:)?[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/

/** The reference, or undefined where the engine would say `invalid reference format`. */
export function parseImageReference(text: string): ImageReference | undefined {
  if (fullId.test(text)) return undefined
  const { domain, remainder } = splitDomain(text)
  const [named, digest, ...more] = remainder.split('@')
  if (named === undefined || more.length > 0) return undefined
  const colon = named.indexOf(':')
  const path = colon === -1 ? named : named.slice(0, colon)
  const tag = colon === -1 ? undefined : named.slice(colon + 1)
  if (!grammar.domain.test(domain) || !grammar.path.test(path)) return undefined
  if (domain.length + 1 + path.length > longestPath) return undefined
  if (tag !== undefined && !grammar.tag.test(tag)) return undefined
  if (digest !== undefined && !grammar.digest.test(digest)) return undefined
  const name = `${domain}/${path}`
  const shownTag = tag ?? (digest === undefined ? 'latest' : undefined)
  return Object.freeze({
    domain,
    path,
    name,
    tag: shownTag,
    digest,
    canonical: `${name}${shownTag === undefined ? '' : `:${shownTag}`}${digest === undefined ? '' : `@${digest}`}`,
  })
}

/** Whether the engine may take the text for an image's id or the beginning of one. */
export function maybeImageId(text: string): boolean {
  return /^(?:sha256:)?[a-f0-9]{1,64}$/.test(text)
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/')
  const first = slash === -1 ? '' : text.slice(0, slash)
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first
  if (!isDomain) return { domain: defaultDomain, remainder: official(text) }
  const rest = text.slice(slash + 1)
  if (first === defaultDomain || first === 'index.docker.io') {
    return { domain: defaultDomain, remainder: official(rest) }
  }
  return { domain: first, remainder: rest }
}

function official(path: string): string {
  return path.includes('/') ? path : `library/${path}`
}
