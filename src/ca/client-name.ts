// What a client may be called. The name is an identity that roles are granted to, a folder, and a
// line in logs, so it has one spelling and no room for tricks. Pure.
import { CaError } from './ca-error.ts'

export const nameRules =
  '1 to 64 of the letters a-z and A-Z, digits, and . _ - + @; a letter or digit first, ' +
  'no dot last, no two dots in a row'

export function requireName(name: string): void {
  // ASCII only: two names that look the same to an operator must be the same name.
  const valid = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(name)
  if (!valid || name.includes('..') || name.endsWith('.')) {
    throw new CaError('bad-name', `${JSON.stringify(name)} cannot be the name of a client`, {
      hint: `a name is ${nameRules}`,
    })
  }
}

/** Organization and unit: any language, but nothing invisible (RFC 5280 upper bounds: 64). */
export function requireAttribute(what: string, value: string): void {
  const length = Array.from(value).length
  const visible = !/[\p{C}\p{Zl}\p{Zp}]/u.test(value) && value.trim() === value
  if (length < 1 || length > 64 || !visible || value.normalize('NFC') !== value) {
    throw new CaError('bad-name', `${JSON.stringify(value)} cannot be ${what}`, {
      hint: '1 to 64 visible characters in normal form C, no space first or last',
    })
  }
}
