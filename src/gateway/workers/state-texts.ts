// The state in force as texts that another process makes the same state of: also one that starts when
// the files have been broken meanwhile.
import { basename, dirname } from 'node:path'
import { compileRoles } from '../../config/load.ts'
import type { State } from '../state.ts'
import { readTrust } from '../trust.ts'
import type { StateTexts } from './talk.ts'

export function textsOf(
  state: State,
  rest: Pick<StateTexts, 'roles' | 'ticketKeys' | 'lastReload'>,
): StateTexts {
  const { generation, settings, policySince, trust } = state
  const { ca, cert, key } = trust.material
  const crl = trust.revocations?.pem
  const pki = { ca, cert, key, ...(crl === undefined ? {} : { crl }) }
  return { generation, settings, policySince, pki, ...rest }
}

/** What has not changed since `before` keeps its identity, and with it what hangs on it. */
export function stateFrom(texts: StateTexts, now: number, before?: State): State {
  const { generation, settings, policySince, roles, pki } = texts
  const files = new Map([
    ['ca.pem', pki.ca],
    ['crl.pem', pki.crl],
    ['server/cert.pem', pki.cert],
    ['server/key.pem', pki.key],
  ])
  const text = (path: string): string => {
    const name = basename(path)
    const found = files.get(basename(dirname(path)) === 'server' ? `server/${name}` : name)
    if (found === undefined) throw Object.assign(new Error(name), { code: 'ENOENT' })
    return found
  }
  const { trust } = readTrust(settings.certs, settings.crl, now, before?.trust, text)
  if (trust === undefined) throw new Error('INVARIANT: what was found good can be read')
  const policy = compileRoles(roles)
  return Object.freeze({
    generation,
    settings,
    policy: before?.policy.digest === policy.digest ? before.policy : policy,
    policySince,
    trust,
  })
}
