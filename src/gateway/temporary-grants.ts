// The rights that were given for a while: in memory, and in a folder that every process of the gateway
// looks at, one file each, written whole. Each stands there as its giver signed it, with their
// certificate, and is verified by whoever reads it: who can write there can end a right or forget that
// it was ended, but give none. A name is taken once, so no grant counts twice, whoever asks whom.
import { X509Certificate } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GrantClaims } from '../docker/grant-claims.ts'
import { isObject, readJson } from '../docker/json.ts'
import { isFailure } from '../errors.ts'
import type { TemporaryGrant } from '../policy/temporary-grant.ts'
import { writeWhole } from '../write-whole.ts'
import type { Peer } from './authenticate.ts'
import { verifyGrant } from './verify-grant.ts'
import { watchFiles } from './watch.ts'

/** One that was signed and verified. */
export interface SignedGrant extends TemporaryGrant {
  readonly giver: Peer
  readonly jws: string
  readonly jti: string
  /** Of the giver, in PEM. */
  readonly certificate: string
}

export interface TemporaryGrants {
  to(name: string): readonly TemporaryGrant[] | undefined
  /** Those that neither were ended nor are over; what keeps one from being in force is the policy's. */
  all(): readonly SignedGrant[]
  /** Grows whenever this process or another gives or ends one. */
  readonly version: number
  /** Keeps it, or says why not; throws where it cannot be written, and nothing is given then. */
  add(grant: SignedGrant): string | undefined
  /** It ends at once; throws afterwards where that cannot be written. */
  end(id: string, by: string): SignedGrant | undefined
  /** From now on `changed` hears of each change of what is in force, whichever process made it. */
  start(changed: () => void): void
  close(): void
}

export interface GrantsParts {
  readonly folder: string
  readonly now: () => number
  /** Who a certificate is, if an authority in force signed it. */
  readonly recognize: (certificate: X509Certificate, address: string) => Peer | string
  readonly server: () => X509Certificate
  readonly complain: (what: string) => void
}

/** Nobody needs more; whoever may grant must not fill the disk or the memory. */
const most = 1_000
/** Clocks differ: what is over stays that long, so that no other process takes it for new. */
const keptMs = 5 * 60_000

export async function openTemporaryGrants(parts: GrantsParts): Promise<TemporaryGrants> {
  const { folder, now, complain } = parts
  /** By the name that a grant has for ever, its `jti`; what cannot be used is remembered as such. */
  const read = new Map<string, SignedGrant | undefined>()
  const endedHere = new Set<string>()
  let standing: readonly SignedGrant[] = []
  let byName: ReadonlyMap<string, readonly TemporaryGrant[]> = new Map()
  let version = 0
  let changed = (): void => undefined

  function settle(): void {
    const names = new Set(list(folder))
    for (const jti of read.keys()) if (!names.has(`${jti}.json`)) read.delete(jti)
    const next = [...read].flatMap(([jti, grant]) =>
      grant === undefined || names.has(`${jti}.ended`) || endedHere.has(jti) ? [] : [grant],
    )
    if (next.length === standing.length && next.every((grant) => standing.includes(grant))) return
    standing = next
    byName = index(next)
    version++
    changed()
  }

  async function refresh(): Promise<void> {
    const found = list(folder).flatMap((name) => /^([0-9a-f]{32})\.json$/.exec(name)?.[1] ?? [])
    for (const jti of found.slice(0, most)) {
      if (read.has(jti)) continue
      const grant = await readKept(parts, jti)
      if (typeof grant === 'string') complain(`${join(folder, jti)}.json gives nothing: ${grant}`)
      read.set(jti, typeof grant === 'string' ? undefined : grant)
    }
    settle()
  }

  function forget(): void {
    for (const [jti, grant] of read) {
      if (grant === undefined || grant.until + keptMs > now()) continue
      for (const kind of ['json', 'ended']) rmSync(join(folder, `${jti}.${kind}`), { force: true })
    }
  }

  const unreadable = (error: unknown): void =>
    complain(`${folder} cannot be read, so nothing of it counts: ${String(error)}`)
  await refresh().catch(unreadable)
  const watch = watchFiles([folder])

  return {
    to: (name) => byName.get(name),
    all: () => standing.filter(({ until }) => until > now()),
    get version() {
      return version
    },
    add(grant) {
      const { id, jti, jws, certificate, giver } = grant
      makeFolder(folder)
      forget()
      if (list(folder).length >= 2 * most) return `there are ${most} temporary grants already`
      const kept: Kept = { id, jws, certificate, address: giver.address }
      const isNew = writeOnce(join(folder, `${jti}.json`), kept)
      if (!isNew || list(folder).includes(`${jti}.ended`)) return 'it was given already'
      read.set(jti, grant)
      settle()
      return undefined
    },
    end(id, by) {
      const found = standing.find((grant) => grant.id === id && grant.until > now())
      if (found === undefined) return undefined
      endedHere.add(found.jti)
      settle()
      endGrant(folder, found.jti, by, now())
      return found
    },
    start(hear) {
      changed = hear
      watch.start(() => void refresh().catch(unreadable))
    },
    close: () => watch.close(),
  }
}

/** For whoever ends one beside the gateway, too: its processes see it within half a second. */
export function endGrant(folder: string, jti: string, by: string, nowMs: number): void {
  writeOnce(join(folder, `${jti}.ended`), { at: new Date(nowMs).toISOString(), by })
}

/** Whole or not at all; false where it is there already. */
function writeOnce(path: string, value: object): boolean {
  const aside = `${path}.${process.pid}`
  writeWhole(aside, `${JSON.stringify(value, undefined, 2)}\n`)
  try {
    linkSync(aside, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Those that run longest first: of two that give one role, the later end counts. */
function index(grants: readonly SignedGrant[]): ReadonlyMap<string, readonly TemporaryGrant[]> {
  const found = new Map<string, TemporaryGrant[]>()
  for (const grant of grants.toSorted((one, other) => other.until - one.until)) {
    const beside = found.get(grant.to)
    if (beside === undefined) found.set(grant.to, [grant])
    else beside.push(grant)
  }
  return found
}

export function signedGrant(
  claims: GrantClaims,
  rest: Pick<SignedGrant, 'id' | 'giver' | 'jws' | 'certificate'>,
): SignedGrant {
  const { sub, role, reason, jti, iat, exp } = claims
  return Object.freeze({
    ...rest,
    to: sub,
    role,
    reason,
    jti,
    since: iat * 1000,
    until: exp * 1000,
  })
}

function makeFolder(path: string): void {
  try {
    // Not recursive: Node goes round in circles where a file system lets nobody make folders.
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/** A folder that is not there yet holds nothing. */
function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isMissing) return []
    throw error
  }
}

/** A grant as its file holds it. */
interface Kept {
  readonly id: string
  readonly jws: string
  readonly certificate: string
  readonly address: string
}

function keptIn(bytes: Uint8Array): Kept | undefined {
  const read = readJson(bytes)
  if (isFailure(read) || !isObject(read.value)) return undefined
  const { id, jws, certificate, address, ...more } = read.value
  if (Object.keys(more).length > 0 || typeof id !== 'string' || !/^[0-9A-Z]{26}$/.test(id))
    return undefined
  if (typeof jws !== 'string' || typeof certificate !== 'string' || typeof address !== 'string')
    return undefined
  return { id, jws, certificate, address }
}

async function readKept(
  { folder, recognize, server }: GrantsParts,
  jti: string,
): Promise<SignedGrant | string> {
  const otherwise = 'it is not as it was written here'
  let kept: Kept | undefined
  let signer: X509Certificate
  try {
    kept = keptIn(readFileSync(join(folder, `${jti}.json`)))
    if (kept === undefined) return otherwise
    signer = new X509Certificate(kept.certificate)
  } catch {
    return otherwise
  }
  const { id, jws, certificate, address } = kept
  const giver = recognize(signer, address)
  if (typeof giver === 'string') return giver
  const claims = await verifyGrant({ jws, signer, server: server() })
  if (typeof claims === 'string') return claims
  if (claims.jti !== jti) return 'it is a copy of another'
  return signedGrant(claims, { id, giver, jws, certificate })
}
