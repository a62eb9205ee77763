// The subject and issuer of a certificate, as a list of attributes in order. Writes whatever it is
// given: what a name may be is judged in `client-name.ts`, so that tests can make hostile ones. Pure.
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'

const attributes = {
  CN: oids.commonName,
  O: oids.organizationName,
  OU: oids.organizationalUnitName,
  C: oids.countryName,
} as const

export type AttributeName = keyof typeof attributes
export type DistinguishedName = readonly (readonly [AttributeName, string])[]

export function nameDer(name: DistinguishedName): Der {
  return der.sequence(
    ...name.map(([attribute, value]) =>
      der.set(der.sequence(der.oid(attributes[attribute]), directoryString(value))),
    ),
  )
}

/** PrintableString where its alphabet suffices, else UTF8String (RFC 5280 §4.1.2.4). */
function directoryString(value: string): Der {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? der.printable(value) : der.utf8(value)
}
