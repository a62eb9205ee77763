// A checkpoint: the gateway's signature over one place of the chain, as a compact JWS (RFC 7515, ES256).
// It vouches for every record before it, and for the start of a file whose predecessors are gone.
import { sign } from 'node:crypto'
import { compactVerify } from 'jose'
import type { SigningKey } from './signing-key.ts'

/** What is signed: that the record `seq` follows the one with the hash `prev`. */
export interface Signed {
  readonly seq: number
  readonly prev: string
  readonly time: string
}

const type = 'dockgate-audit'

/** Synchronous, as the record must stand in its place: jose only verifies. */
export function signCheckpoint({ key, id }: SigningKey, { seq, prev, time }: Signed): string {
  const header = encode({ alg: 'ES256', kid: id, typ: type })
  const input = `${header}.${encode({ seq, prev, time })}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** Undefined when it holds; else what is wrong with it, in words. */
export async function faultOfCheckpoint(
  keys: readonly SigningKey[],
  jws: unknown,
  { seq, prev, time }: Signed,
): Promise<string | undefined> {
  if (typeof jws !== 'string') return 'its signature is missing'
  try {
    let payload: unknown
    await compactVerify(
      jws,
      (header) => {
        const known = keys.find(({ id }) => id === header.kid)
        if (header.typ !== type) throw new Error('it is no checkpoint of an audit')
        if (known === undefined)
          throw new UnknownKey(`it is signed with another key, ${header.kid}`)
        return known.key
      },
      { algorithms: ['ES256'] },
    ).then((verified) => {
      payload = JSON.parse(new TextDecoder().decode(verified.payload))
    })
    const signed = payload as Partial<Signed>
    const same = signed.seq === seq && signed.prev === prev && signed.time === time
    return same ? undefined : 'its signature is for another place'
  } catch (error) {
    return error instanceof UnknownKey ? error.message : 'its signature is wrong'
  }
}

class UnknownKey extends Error {}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
