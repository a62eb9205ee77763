// Makes a new authority in an empty store: its key, its certificate, and a CRL that revokes nothing,
// so that the gateway has one to read from the first day.
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { CaError } from './ca-error.ts'
import { randomSerial, serialText, signCertificate } from './certificate.ts'
import { requireAttribute } from './client-name.ts'
import { nameDer } from './distinguished-name.ts'
import { makeFolder } from './durable.ts'
import { authorityProfile } from './extensions.ts'
import { fingerprint, readIssuer } from './issuer.ts'
import { defaultKeyKind, generateKey, keyIdentifier, publicKeyDer, toPkcs8 } from './keys.ts'
import type { KeyKind } from './keys.ts'
import { periodFrom } from './period.ts'
import { nextRevocationList } from './sign-crl.ts'
import { commit, readIndex, withStore } from './store.ts'
import type { StoreIndex } from './store-index.ts'

export interface InitOptions {
  readonly folder: string
  readonly now: Date
  readonly name: string
  readonly key?: KeyKind
  readonly lifetimeHours?: number
  readonly passphrase?: string
}

const defaultAuthorityHours = 24 * 3650
const firstFiles = ['ca.pem', 'ca.key', 'crl.pem']

export async function initCa(options: InitOptions): Promise<StoreIndex['ca']> {
  const { folder, now, name } = options
  requireAttribute('the name of a CA', name)
  refuseExisting(folder)
  const key = await generateKey(options.key ?? defaultKeyKind)
  const sealedKey = await toPkcs8(key, options.passphrase)
  const publicKey = publicKeyDer(key)
  const serial = randomSerial()
  const subject = [['CN', name]] as const
  const period = periodFrom(now, options.lifetimeHours ?? defaultAuthorityHours)
  const pem = signCertificate(
    {
      serial,
      issuer: nameDer(subject),
      subject,
      ...period,
      publicKey,
      extensions: authorityProfile(keyIdentifier(publicKey)),
    },
    key,
  )
  const ca = {
    name,
    serial: serialText(serial),
    notAfter: period.notAfter.toISOString(),
    fingerprint: fingerprint(pem),
  }
  const list = nextRevocationList({ issued: [] }, readIssuer(pem, key), now)
  makeFolder(folder)
  chmodSync(folder, 0o700)
  await withStore(folder, () => {
    refuseExisting(folder)
    const change = new Map([
      ['ca.key', sealedKey],
      ['ca.pem', pem],
      ['crl.pem', list.pem],
    ])
    commit(folder, { version: 1, ca, crl: list.crl, issued: [] }, change)
  })
  return ca
}

/** Nothing is overwritten, ours or not: the key of a CA exists once. */
function refuseExisting(folder: string): void {
  const index = readIndex(folder)
  if (index !== undefined) {
    throw new CaError('exists', `there is a CA in "${folder}" already: ${index.ca.name}`, {
      hint: 'issue with it, or choose another DOCKGATE_HOME',
    })
  }
  const found = firstFiles.find((file) => existsSync(join(folder, file)))
  if (found === undefined) return
  throw new CaError('exists', `"${join(folder, found)}" is there, but was not made here`, {
    hint: 'move it elsewhere first',
  })
}
