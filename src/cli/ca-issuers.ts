// The part of ca.yaml that says whose identity tokens are exchanged, and for which certificates.
import { readAlternativeNames } from '../ca/alternative-name.ts'
import { CaError } from '../ca/ca-error.ts'
import { requireAttribute, requireName } from '../ca/client-name.ts'
import { isHttps } from '../ca/endpoint/issuer-keys.ts'
import {
  identityAlgorithms,
  type FromClaims,
  type IdentityIssuer,
  type IdentityRule,
} from '../ca/endpoint/settings.ts'
import type { Value } from '../config/yaml-node.ts'
import { given } from './ca-verb.ts'
import { readNumber } from './read-number.ts'

const issuerKeys = ['issuer', 'audience', 'jwks', 'algorithms', 'rules']
const ruleKeys = ['require', 'name', 'org', 'unit', 'uri', 'minutes']
const usualAlgorithms = ['RS256', 'ES256'] as const
const usualMinutes = 15
const mostMinutes = 24 * 60

export function readIssuers(value: Value | undefined): IdentityIssuer[] {
  const seen = new Set<string>()
  return (value?.items() ?? []).map((item) => {
    const entries = item.entries(issuerKeys)
    const issuer = requireText(item, entries.get('issuer'), 'issuer')
    if (!isIssuer(issuer)) {
      entries.get('issuer')?.fault('an issuer is an https address', 'https://issuer.example.com')
    }
    if (seen.has(issuer)) entries.get('issuer')?.fault('this issuer stands here already')
    seen.add(issuer)
    const jwks = entries.get('jwks')
    const where = jwks?.text()
    if (where !== undefined && !isHttps(where)) jwks?.fault('keys are fetched from https alone')
    const rules = (entries.get('rules')?.items() ?? []).map(readRule)
    if (rules.length === 0) item.fault('an issuer without rules is of no use', 'rules: [...]')
    return {
      issuer,
      audience: requireText(item, entries.get('audience'), 'audience'),
      ...given('jwks', where),
      algorithms: readAlgorithms(entries.get('algorithms')),
      rules,
    }
  })
}

function readRule(item: Value): IdentityRule {
  const entries = item.entries(ruleKeys)
  const require = new Map(
    [...(entries.get('require')?.entries() ?? [])].map(([claim, value]) => [
      claim,
      valuesOf(value),
    ]),
  )
  if (require.size === 0) {
    item.fault('without "require" everybody at this issuer would get this certificate', 'require: {repository: example/app}') // prettier-ignore
  }
  const org = entries.get('org')
  const unit = entries.get('unit')
  const minutes = readNumber(entries.get('minutes'), usualMinutes, mostMinutes)
  const read = {
    require,
    name: readSource(item, entries.get('name'), 'name', (text) => requireName(text)),
    ...given(
      'org',
      checked(org, (text) => requireAttribute('an organization', text)),
    ),
    ...given(
      'unit',
      checked(unit, (text) => requireAttribute('a unit', text)),
    ),
    minutes,
  }
  const uri = entries.get('uri')
  if (uri === undefined) return read
  return {
    ...read,
    uri: readSource(item, uri, 'uri', (text) => void readAlternativeNames({ uri: [text] })),
  }
}

/** A text of its own, or the value of a claim behind a prefix that keeps it apart from other names. */
function readSource(
  parent: Value,
  value: Value | undefined,
  key: string,
  check: (text: string) => void,
): FromClaims {
  if (value === undefined || !isMapping(value)) {
    requireText(parent, value, key)
    return checked(value, check) ?? ''
  }
  const entries = value.entries(['claim', 'prefix'])
  const claim = requireText(value, entries.get('claim'), 'claim')
  const prefix = requireText(value, entries.get('prefix'), 'prefix')
  // Any word must do behind it; an operator's own names begin otherwise.
  if (prefix !== '') checked(entries.get('prefix'), (text) => check(`${text}x`))
  return { claim, prefix }
}

function isMapping(value: Value): boolean {
  return value.node !== null && 'items' in value.node
}

function valuesOf(value: Value): string[] {
  const isList = value.node !== null && 'items' in value.node
  const texts = isList ? value.texts().map(({ text }) => text) : [value.text() ?? '']
  if (texts.length === 0) value.fault('an empty list is fulfilled by nobody')
  return texts
}

function readAlgorithms(value: Value | undefined): IdentityIssuer['algorithms'] {
  if (value === undefined) return usualAlgorithms
  const texts = value.texts()
  if (texts.length === 0) value.fault('an algorithm is needed here', usualAlgorithms.join(', '))
  return texts.flatMap(({ value: item, text }) => {
    const found = identityAlgorithms.find((known) => known === text)
    if (found === undefined) {
      item.fault(`${JSON.stringify(text)} is no algorithm for this`, identityAlgorithms.join(', '))
    }
    return found ?? []
  })
}

function checked(value: Value | undefined, check: (text: string) => void): string | undefined {
  const text = value?.text()
  if (value === undefined || text === undefined) return undefined
  try {
    check(text)
  } catch (error) {
    if (!(error instanceof CaError)) throw error
    value.fault(error.message, error.hint)
  }
  return text
}

function requireText(parent: Value, value: Value | undefined, key: string): string {
  if (value !== undefined) return value.text() ?? ''
  parent.fault(`${JSON.stringify(key)} is missing`)
  return ''
}

function isIssuer(text: string): boolean {
  return isHttps(text) && !/[?#]/.test(text)
}
