// crl.pem holds one list of every authority in ca.pem: whoever signs one anew leaves those of the others
// where they are, or the gateway would miss them and let nobody in.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as der from './der.ts'
import { subjectOf } from './issuer.ts'
import { fromPem, pemBlocks } from './pem.ts'
import type { Change } from './store.ts'

/** The text of crl.pem with `lists` in place of those before them; INVARIANT: inside `withStore`. */
export function joinLists(folder: string, ...lists: readonly string[]): string {
  const ours = new Set(lists.map(issuerOf))
  const known = namesIn(join(folder, 'ca.pem'))
  // What is of nobody here would keep the gateway from reading the file.
  const others = blocksIn(join(folder, 'crl.pem'), 'X509 CRL').filter((block) => {
    const issuer = issuerOf(block)
    return issuer !== undefined && !ours.has(issuer) && known.has(issuer)
  })
  return [...lists, ...others].join('')
}

/** As a change of the store. */
export function withList(folder: string, list: string): Change {
  return new Map([['crl.pem', joinLists(folder, list)]])
}

function namesIn(path: string): ReadonlySet<string> {
  const blocks = blocksIn(path, 'CERTIFICATE')
  return new Set(
    blocks.flatMap((block) => attempt(() => hex(subjectOf(new X509Certificate(block)))) ?? []),
  )
}

/** In hex; undefined for what is no list. */
function issuerOf(list: string): string | undefined {
  return attempt(() => {
    const [toBeSigned] = der.items(der.decode(fromPem('X509 CRL', list)))
    const [, , issuer] = der.items(toBeSigned)
    return issuer === undefined ? undefined : hex(issuer)
  })
}

function hex(name: der.Der): string {
  return der.encode(name).toString('hex')
}

function blocksIn(path: string, label: string): readonly string[] {
  return existsSync(path) ? pemBlocks(label, readFileSync(path, 'utf8')) : []
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
