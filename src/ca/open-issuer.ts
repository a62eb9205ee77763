// Opens the CA's key, asking for its passphrase only when it is sealed.
import { CaError } from './ca-error.ts'
import { readIssuer } from './issuer.ts'
import type { Issuer } from './issuer.ts'
import { isSealed, openKey } from './keys.ts'
import { readStored, settleStore } from './store.ts'

/** What every act of the authority needs: where, when, and the way to the passphrase. */
export interface Access {
  readonly folder: string
  readonly now: Date
  readonly passphrase?: () => Promise<string | undefined>
  /** It is the folder of a root that signs authorities alone. */
  readonly isRoot?: boolean
}

export async function openIssuer(access: Access): Promise<Issuer> {
  const { folder } = access
  // A crash during `init` may have left the key itself aside.
  await settleStore(folder)
  const pem = readStored(folder, 'ca.key')
  const words = await passphraseFor(access, pem)
  return readIssuer(readStored(folder, 'ca.pem'), openKey(pem, words))
}

/** Undefined where the key is not sealed, and so needs none. */
export async function passphraseFor(
  { passphrase, isRoot = false }: Access,
  pem: string,
): Promise<string | undefined> {
  if (!isSealed(pem)) return undefined
  const words = await passphrase?.()
  if (words !== undefined) return words
  const [whose, option, variable] = isRoot
    ? ['root', '--root-passphrase-file', 'DOCKGATE_ROOT_PASSPHRASE_FILE']
    : ['CA', '--passphrase-file', 'DOCKGATE_CA_PASSPHRASE_FILE']
  throw new CaError('bad-passphrase', `the key of the ${whose} is sealed and no passphrase was given`, { hint: `${option} FILE, or ${variable} in the environment` }) // prettier-ignore
}
