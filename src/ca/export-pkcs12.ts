// Writes a client's bundle once more, as `clients/NAME/NAME.p12`.
import { createPrivateKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CaError } from './ca-error.ts'
import { requireName } from './client-name.ts'
import { certificatesIn } from './issuer.ts'
import { pkcs12 } from './pkcs12.ts'
import { commit, readStored, requireIndex, withStore } from './store.ts'

/** Resolves to the path of the file. */
export async function exportPkcs12(
  folder: string,
  name: string,
  password: string,
): Promise<string> {
  requireName(name)
  if (password.length < 8) {
    throw new CaError('bad-passphrase', 'the password of a PKCS#12 file is 8 characters or more')
  }
  const place = `clients/${name}`
  return withStore(folder, async () => {
    const index = requireIndex(folder)
    if (!index.issued.some((row) => row.kind === 'client' && row.name === name)) {
      throw new CaError('missing', `nothing was issued to ${JSON.stringify(name)}`, {
        hint: `dockgate ca issue ${name}`,
      })
    }
    if (!existsSync(join(folder, place, 'key.pem'))) {
      throw new CaError('missing', `the key of ${JSON.stringify(name)} was made on their machine`, {
        hint: `openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile ca.pem -out ${name}.p12, there`,
      })
    }
    const [certificate, ...between] = certificatesIn(readStored(folder, `${place}/cert.pem`))
    if (certificate === undefined) throw new CaError('damaged', `"${place}/cert.pem" is empty`)
    const file = await pkcs12(
      {
        name,
        key: createPrivateKey(readStored(folder, `${place}/key.pem`)),
        certificate,
        authorities: [...between, ...certificatesIn(readStored(folder, `${place}/ca.pem`))],
      },
      password,
    )
    commit(folder, index, new Map([[`${place}/${name}.p12`, file]]))
    return join(folder, place, `${name}.p12`)
  })
}
