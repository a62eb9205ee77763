// Makes a new authority in an empty store: its key, its certificate, and a CRL that revokes nothing,
// so that the gateway has one to read from the first day. It signs itself, or a root signs it that lies
// in a folder of its own.
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
import type { Access } from './open-issuer.ts'
import { periodFrom } from './period.ts'
import { signAuthority } from './sign-authority.ts'
import { nextRevocationList } from './sign-crl.ts'
import { commit, readIndex, withStore } from './store.ts'
import type { StoreIndex } from './store-index.ts'

interface Made {
  readonly name: string
  readonly key?: KeyKind
  readonly lifetimeHours?: number
  readonly passphrase?: string
}

export interface InitOptions extends Made {
  readonly folder: string
  readonly now: Date
  /** Absent where the CA signs itself. */
  readonly root?: RootOptions
}

/** Made as it says where it is not there yet. */
export interface RootOptions extends Made {
  readonly folder: string
  readonly access: Access
}

interface SelfSigned extends InitOptions {
  readonly pathLength?: number
  readonly listHours?: number
}

const defaultAuthorityHours = 24 * 3650
const defaultRootHours = 24 * 7300
// Whoever signs it fetches the root from where it is kept.
const rootListHours = 24 * 365
const firstFiles = ['ca.pem', 'ca.key', 'crl.pem']

export async function initCa(options: InitOptions): Promise<StoreIndex['ca']> {
  const { root } = options
  requireAttribute('the name of a CA', options.name)
  refuseExisting(options.folder)
  if (root === undefined) return initSelfSigned(options)
  // A root that is there may have been left by a crash, or sign for another gateway, too.
  if (readIndex(root.folder) === undefined) {
    const lifetimeHours = root.lifetimeHours ?? defaultRootHours
    requireAttribute('the name of a root', root.name)
    await initSelfSigned({ ...root, now: options.now, lifetimeHours, pathLength: 1, listHours: rootListHours }) // prettier-ignore
  }
  return initBelow(options, root.access)
}

async function initSelfSigned(options: SelfSigned): Promise<StoreIndex['ca']> {
  const { folder, now, name, pathLength, listHours } = options
  const key = await generateKey(options.key ?? defaultKeyKind)
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
      extensions: authorityProfile(keyIdentifier(publicKey), pathLength),
    },
    key,
  )
  const ca = {
    name,
    serial: serialText(serial),
    notAfter: period.notAfter.toISOString(),
    fingerprint: fingerprint(pem),
  }
  const list = nextRevocationList({ issued: [] }, readIssuer(pem, key), now, listHours)
  await write(folder, { version: 1, ca, crl: list.crl, issued: [] }, [
    ['ca.key', await toPkcs8(key, options.passphrase)],
    ['ca.pem', pem],
    ['crl.pem', list.pem],
  ])
  return ca
}

async function initBelow(options: InitOptions, root: Access): Promise<StoreIndex['ca']> {
  const { folder, now, name, lifetimeHours } = options
  const key = await generateKey(options.key ?? defaultKeyKind)
  const asked = lifetimeHours === undefined ? {} : { lifetimeHours }
  const { ca, pem, rootPem, rootList } = await signAuthority(root, { name, key, ...asked })
  const issuer = readIssuer(rootPem + pem, key)
  const list = nextRevocationList({ issued: [] }, issuer, now)
  await write(folder, { version: 1, ca, crl: list.crl, issued: [] }, [
    ['ca.key', await toPkcs8(key, options.passphrase)],
    // The root first: who reads one certificate of it has the one to trust.
    ['ca.pem', rootPem + pem],
    ['crl.pem', list.pem + rootList],
  ])
  return ca
}

async function write(
  folder: string,
  index: Omit<StoreIndex, 'moves'>,
  files: readonly (readonly [string, string])[],
): Promise<void> {
  makeFolder(folder)
  chmodSync(folder, 0o700)
  await withStore(folder, () => {
    refuseExisting(folder)
    commit(folder, index, new Map(files))
  })
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
