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
}

export async function openIssuer({ folder, passphrase }: Access): Promise<Issuer> {
  // A crash during `init` may have left the key itself aside.
  await settleStore(folder)
  const pem = readStored(folder, 'ca.key')
  const words = isSealed(pem) ? await passphrase?.() : undefined
  if (isSealed(pem) && words === undefined) {
    throw new CaError('bad-passphrase', 'the key of the CA is sealed and no passphrase was given', {
      hint: '--passphrase-file FILE, or DOCKGATE_CA_PASSPHRASE_FILE in the environment',
    })
  }
  return readIssuer(readStored(folder, 'ca.pem'), openKey(pem, words))
}
