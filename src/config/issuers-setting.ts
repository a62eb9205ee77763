// `issuers` in dockgate.yaml: which authority may name whom, by the fingerprints of their certificates.
import { namedKinds, type IssuerRule, type IssuerRules } from '../identity/issuer-rules.ts'
import type { Value } from './yaml-node.ts'

/** Undefined where nothing is said: each authority in ca.pem may name anyone. */
export function readIssuers(value: Value | undefined): IssuerRules | undefined {
  if (value === undefined) return undefined
  const rules: Record<string, IssuerRule> = {}
  for (const [text, item] of value.entries()) {
    const fingerprint = text.replaceAll(':', '').toLowerCase()
    if (!/^[0-9a-f]{64}$/.test(fingerprint)) {
      item.fault(
        `${JSON.stringify(text)} is no SHA-256 fingerprint`,
        'openssl x509 -noout -fingerprint -sha256 -in CA.pem prints it',
      )
    }
    rules[fingerprint] = readRule(item)
  }
  if (Object.keys(rules).length === 0) value.fault('it names no authority', 'leave it out for any')
  return Object.freeze(rules)
}

function readRule(value: Value): IssuerRule {
  if (value.node !== null && !('items' in value.node)) {
    if (value.text() !== 'anyone') value.fault('this is no rule', 'anyone, or { org: [Partner] }')
    return 'anyone'
  }
  const rule: Partial<Record<(typeof namedKinds)[number], readonly string[]>> = {}
  const entries = value.entries(namedKinds)
  for (const kind of namedKinds) {
    const item = entries.get(kind)
    if (item === undefined) continue
    rule[kind] = item.texts().map(({ value: one, text }) => {
      if (text.split('*').length > 2) one.fault('a pattern has one * at most')
      return text
    })
  }
  if (rule.name === undefined) value.fault('it lets nobody be named', "name: ['partner-*']")
  return Object.freeze(rule)
}
