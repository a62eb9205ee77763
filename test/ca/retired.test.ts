// What becomes of the rows of short-lived certificates when they are over.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeRequest } from '../../src/ca/certificate-request.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { listIssued } from '../../src/ca/list-issued.ts'
import { makeToken } from '../../src/ca/make-token.ts'
import { revoke } from '../../src/ca/revoke.ts'
import { signCrl } from '../../src/ca/sign-crl.ts'
import { readIndex } from '../../src/ca/store.ts'
import { createStore, hourMs, openssl } from '../helpers/ca-store.ts'
import { movable, startEndpoint } from '../helpers/endpoint.ts'

/** A store where people get certificates of 8 hours over the network, and time can pass. */
async function busyStore() {
  const store = await createStore()
  const clock = movable(store)
  const endpoint = await startEndpoint(clock.access)
  /** The serials: one that was issued by hand, and so many that were not. */
  const obtain = async (name: string, times: number): Promise<string[]> => {
    const made = await issueClient(clock.access, { name, lifetimeHours: 8 })
    const serials = [made.issued.serial]
    for (let turn = 0; turn < times; turn++) {
      const about = { name, lifetimeHours: 8, earlier: 'keep', goodForMs: hourMs } as const
      const { token } = await makeToken(clock.access, about)
      const csr = makeRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
      const { status, body } = await endpoint.post('/v1/enroll', { token, csr })
      assert.equal(status, 201)
      serials.push(String(body['serial']))
    }
    return serials
  }
  const serials = (): string[] => readIndex(store.folder)?.issued.map((row) => row.serial) ?? []
  return { folder: store.folder, clock, obtain, serials }
}

describe('a certificate that was got over the network and is over', () => {
  it('leaves the index after a day, but for the last of its name, and is listed with --all', async () => {
    const { folder, clock, obtain, serials } = await busyStore()
    const [first = '', ...obtained] = await obtain('alice', 4)
    clock.forward(31 * hourMs)
    const later = await obtain('bob', 1)
    // Not a day yet since they ended.
    for (const serial of obtained) assert.ok(serials().includes(serial))
    clock.forward(2 * hourMs)
    await obtain('carol', 1)
    const gone = obtained.slice(0, -1)
    const kept = [first, obtained.at(-1) ?? '', ...later]
    assert.deepEqual(serials().filter((serial) => gone.includes(serial)), []) // prettier-ignore
    for (const serial of kept) assert.ok(serials().includes(serial), serial)
    assert.equal(statSync(join(folder, 'ended.jsonl')).mode & 0o777, 0o600)
    // A crash between the two writes: rows in both places, and a line that is half there.
    const [, row = ''] = readFileSync(join(folder, 'ended.jsonl'), 'utf8').split('\n')
    appendFileSync(join(folder, 'ended.jsonl'), `\n${row}\n${row.slice(0, 40)}`)
    const listed = listIssued(folder, clock.access.now, { all: true }).map(({ serial }) => serial)
    assert.deepEqual(new Set(listed), new Set([...serials(), ...gone]))
    assert.equal(new Set(listed).size, listed.length)
    const usual = listIssued(folder, clock.access.now).map(({ serial }) => serial)
    assert.deepEqual(usual, serials())
    clock.forward(40 * hourMs)
    await obtain('dave', 1)
    const all = listIssued(folder, clock.access.now, { all: true })
    assert.ok(gone.every((serial) => all.some((other) => other.serial === serial)))
  })

  it('stays, when it was revoked, until a CRL from after its end has named it', async () => {
    const { folder, clock, obtain, serials } = await busyStore()
    const [, middle = ''] = await obtain('alice', 2)
    await revoke(clock.access, middle, 'keyCompromise')
    const inCrl = (): boolean => openssl(folder, 'crl', '-in', 'crl.pem', '-noout', '-text').text.includes(middle) // prettier-ignore
    clock.forward(48 * hourMs)
    await obtain('bob', 1)
    assert.ok(serials().includes(middle))
    assert.ok(inCrl())
    await signCrl(clock.access)
    assert.ok(inCrl())
    await obtain('carol', 1)
    assert.ok(!serials().includes(middle))
    await signCrl(clock.access)
    assert.ok(!inCrl())
  })
})
