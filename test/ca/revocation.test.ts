// Revocation, the CRL and renewal, as openssl sees them.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { listIssued } from '../../src/ca/list-issued.ts'
import { renew } from '../../src/ca/renew.ts'
import { isRevocationReason, revocationReasons } from '../../src/ca/revocation-list.ts'
import { revoke } from '../../src/ca/revoke.ts'
import { signCrl } from '../../src/ca/sign-crl.ts'
import { readIndex } from '../../src/ca/store.ts'
import { createStore, dayMs, hourMs, openssl, snapshot, verify } from '../helpers/ca-store.ts'

function crlText(folder: string): string {
  const { status, text } = openssl(folder, 'crl', '-in', 'crl.pem', '-CAfile', 'ca.pem', '-noout', '-text') // prettier-ignore
  assert.equal(status, 0, text)
  assert.match(text, /verify OK/)
  return text
}

describe('the CRL', () => {
  it('is there from the first day, signed, of version 2, and revokes nothing', async () => {
    const { folder } = await createStore()
    const text = crlText(folder)
    assert.match(text, /Version 2/)
    assert.match(text, /Authority Key Identifier/)
    assert.match(text, /CRL Number: \s+1\n/)
    assert.match(text, /No Revoked Certificates/)
  })

  for (const key of ['ec:p384', 'rsa:3072'] as const) {
    it(`is signed by a CA with ${key} too`, async () => {
      const store = await createStore({ key })
      await issueClient(store, { name: 'alice' })
      await revoke(store, 'alice', 'superseded')
      assert.match(crlText(store.folder), /Superseded/)
    })
  }

  for (const reason of revocationReasons.filter(isRevocationReason)) {
    it(`says ${reason}, and openssl then refuses the certificate`, async () => {
      const store = await createStore()
      const { issued } = await issueClient(store, { name: 'alice' })
      await issueClient(store, { name: 'bob' })
      const { crl } = await revoke(store.at(hourMs), 'alice', reason)
      assert.equal(crl.number, 2)
      const text = crlText(store.folder)
      assert.match(text, new RegExp(`Serial Number: ${issued.serial}\n`))
      // RFC 5280 §5.3.1: unspecified is said by silence.
      if (reason === 'unspecified') assert.doesNotMatch(text, /Reason Code/)
      else assert.match(text.replaceAll(' ', ''), new RegExp(`ReasonCode:\\s*${reason}`, 'i'))
      // The list is of the future by then, but within what it is dated back only after an hour.
      const at = String(Math.floor(store.now.getTime() / 1000) + 3600)
      const flags = ['-attime', at, '-crl_check', '-CRLfile', 'crl.pem', '-CAfile', 'ca.pem']
      const check = (name: string) =>
        openssl(store.folder, 'verify', ...flags, `clients/${name}/cert.pem`)
      assert.match(check('alice').text, /certificate revoked/)
      assert.equal(check('bob').status, 0, check('bob').text)
    })
  }

  it('is signed anew with the next number, and its lifetime stays what it was asked to be', async () => {
    const store = await createStore()
    const first = await signCrl({ ...store.at(dayMs), lifetimeHours: 48 })
    assert.deepEqual([first?.number, first?.lifetimeHours], [2, 48])
    const next = await signCrl(store.at(2 * dayMs))
    assert.equal(Date.parse(next?.nextUpdate ?? '') - store.at(2 * dayMs).now.getTime() > 47 * hourMs, true) // prettier-ignore
    assert.equal(readIndex(store.folder)?.crl.number, 3)
  })

  it('is left alone by --if-due until half of its life is over', async () => {
    const store = await createStore()
    const before = snapshot(store.folder)
    assert.equal(await signCrl({ ...store.at(14 * dayMs), onlyIfDue: true }), undefined)
    assert.deepEqual(snapshot(store.folder), before)
    assert.equal((await signCrl({ ...store.at(16 * dayMs), onlyIfDue: true }))?.number, 2)
  })

  it('is signed along when something else is signed and it is due', async () => {
    const store = await createStore()
    await issueClient(store.at(dayMs), { name: 'alice' })
    assert.equal(readIndex(store.folder)?.crl.number, 1)
    await issueClient(store.at(20 * dayMs), { name: 'bob' })
    assert.equal(readIndex(store.folder)?.crl.number, 2)
    await issueServer(store.at(40 * dayMs), { names: ['localhost'] })
    assert.equal(readIndex(store.folder)?.crl.number, 3)
  })

  it('drops an entry only after a list from beyond the end of the certificate', async () => {
    const store = await createStore()
    const { issued } = await issueClient(store, { name: 'alice', lifetimeHours: 24 })
    await revoke(store, 'alice', 'keyCompromise')
    const holds = async (days: number): Promise<boolean> => {
      await signCrl(store.at(days * dayMs))
      return crlText(store.folder).includes(issued.serial)
    }
    assert.deepEqual([await holds(0.5), await holds(2), await holds(3)], [true, true, false])
  })

  it('is refused by openssl when one bit of it is another', async () => {
    const store = await createStore()
    await issueClient(store, { name: 'alice' })
    const pem = readFileSync(join(store.folder, 'crl.pem'), 'utf8')
    const bytes = Buffer.from(pem.replace(/-----.*-----|\n/g, ''), 'base64')
    bytes[60] = (bytes[60] ?? 0) ^ 1
    const bad = `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`
    writeFileSync(join(store.folder, 'crl.pem'), bad)
    assert.notEqual(verify(store.folder, 'sslclient', 'clients/alice/cert.pem').status, 0)
  })
})

describe('revoking', () => {
  it('by name takes every certificate of the name that counts, and no other', async () => {
    const store = await createStore()
    const serials: string[] = []
    for (let turn = 0; turn < 3; turn++) {
      const made = await issueClient(store, { name: 'alice', earlier: 'keep', lifetimeHours: 24 })
      serials.push(made.issued.serial)
    }
    await issueClient(store, { name: 'bob' })
    await issueServer(store, { names: ['alice'] })
    const made = await revoke(store, 'alice', 'keyCompromise')
    assert.deepEqual(made.revoked.map((row) => row.serial), serials) // prettier-ignore
    const rows = listIssued(store.folder, store.now)
    assert.deepEqual(
      rows.filter((row) => row.status === 'valid').map((row) => `${row.kind} ${row.name}`),
      ['client bob', 'server alice'],
    )
  })

  it('takes one certificate by its serial or fingerprint, as any tool prints them', async () => {
    const store = await createStore()
    const forms: ((row: { serial: string; fingerprint: string }) => string)[] = [
      (row) => row.serial,
      (row) => row.serial.toLowerCase(),
      (row) => row.serial.replace(/(..)(?=.)/g, '$1:'),
      (row) => `00${row.serial}`,
      (row) => row.fingerprint,
      (row) => row.fingerprint.toUpperCase().replace(/(..)(?=.)/g, '$1:'),
    ]
    for (const form of forms) {
      const { issued } = await issueClient(store, { name: 'alice', earlier: 'keep' })
      const made = await revoke(store, form(issued), 'unspecified')
      assert.deepEqual(made.revoked.map((row) => row.serial), [issued.serial]) // prettier-ignore
    }
  })

  it('refuses what was never issued, what is revoked, and what has expired', async () => {
    const store = await createStore()
    await issueClient(store, { name: 'alice', lifetimeHours: 1 })
    await assert.rejects(revoke(store, 'alcie', 'unspecified'), { hint: 'did you mean alice?' })
    await assert.rejects(revoke(store.at(2 * hourMs), 'alice', 'unspecified'), /expired/)
    await revoke(store, 'alice', 'keyCompromise')
    await assert.rejects(revoke(store, 'alice', 'unspecified'), /revoked already.*keyCompromise/)
    for (const who of ['', '0', '00', ':', '__proto__']) {
      await assert.rejects(revoke(store, who, 'unspecified'), { code: 'missing' })
    }
  })
})

describe('renewing', () => {
  it('keeps subject, names, kind of key, lifetime and address; key and serial are new', async () => {
    const store = await createStore()
    const names = { email: ['a@b.example'], uri: ['urn:x:y'], dns: ['a.b'], ip: ['::1'] }
    const host = 'tcp://inner.example.com:2376'
    const first = await issueClient(store, {
      name: 'alice',
      org: 'Example',
      unit: 'dev',
      names,
      host,
      key: 'ec:p384',
      lifetimeHours: 48,
    })
    const keyBefore = readFileSync(join(first.folder, 'key.pem'), 'utf8')
    const second = await renew(store.at(dayMs), 'alice')
    const { serial, notBefore, notAfter, fingerprint, ...same } = first.issued
    assert.deepEqual({ ...second.issued, ...same }, second.issued)
    assert.notEqual(second.issued.serial, serial)
    assert.notEqual(second.issued.fingerprint, fingerprint)
    assert.equal(Date.parse(second.issued.notBefore) - Date.parse(notBefore), dayMs)
    assert.equal(Date.parse(second.issued.notAfter) - Date.parse(notAfter), dayMs)
    assert.notEqual(readFileSync(join(first.folder, 'key.pem'), 'utf8'), keyBefore)
    assert.equal(second.host, host)
    assert.deepEqual(second.revoked, [])
  })

  it('ends what was there when asked to, and is cut short where the CA ends', async () => {
    const store = await createStore({ lifetimeHours: 48 })
    const first = await issueClient(store, { name: 'alice', lifetimeHours: 30 })
    const second = await renew(store.at(dayMs), 'alice', { revokeEarlier: true })
    assert.deepEqual(second.revoked, [first.issued.serial])
    assert.equal(second.issued.notAfter, readIndex(store.folder)?.ca.notAfter)
  })

  it('is for those who have a certificate that was not taken back', async () => {
    const store = await createStore()
    await assert.rejects(renew(store, 'alice'), { code: 'missing' })
    await issueClient(store, { name: 'alice' })
    await revoke(store, 'alice', 'keyCompromise')
    await assert.rejects(renew(store, 'alice'), { code: 'missing' })
  })
})

describe('listing', () => {
  it('tells valid from expired from revoked, and finds what expires soon', async () => {
    const store = await createStore()
    await issueClient(store, { name: 'short', lifetimeHours: 24 })
    await issueClient(store, { name: 'long', lifetimeHours: 24 * 30 })
    await issueClient(store, { name: 'gone', lifetimeHours: 48 })
    await revoke(store, 'gone', 'affiliationChanged')
    const at = (days: number) =>
      listIssued(store.folder, store.at(days * dayMs).now).map((row) => `${row.name} ${row.status}`)
    assert.deepEqual(at(0), ['short valid', 'long valid', 'gone revoked'])
    assert.deepEqual(at(2), ['short expired', 'long valid', 'gone revoked'])
    const soon = (days: number, now = store.now) =>
      listIssued(store.folder, now, { expiringWithinMs: days * dayMs }).map((row) => row.name)
    assert.deepEqual(soon(14), ['short'])
    assert.deepEqual(soon(31), ['short', 'long'])
    assert.deepEqual(soon(14, store.at(20 * dayMs).now), ['long'])
  })
})
