// `dockgate check`: everything that `serve` reads, with every fault at once.
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { formatFault, type Fault } from '../config/fault.ts'
import { FaultyConfig, loadPolicy, loadSettings } from '../config/load.ts'
import { placesOf } from '../config/settings.ts'
import { lasting } from '../gateway/trust.ts'
import { readArguments } from './arguments.ts'
import type { Verb } from './verb.ts'

const help = `usage: dockgate check [--json]

Reads dockgate.yaml, roles.yaml and the key files as "serve" would, and tells every fault at once.
Exit code 0: all is well; 1: there are faults.
`

export const check: Verb = {
  help,
  async run(args, io) {
    const usage = { min: 0, max: 0, usage: 'dockgate check [--json]' }
    const { values } = readArguments(args, { json: { type: 'boolean' } }, usage)
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const faults: Fault[] = []
    const collect = (act: () => void): void => {
      try {
        act()
      } catch (error) {
        if (!(error instanceof FaultyConfig)) throw error
        faults.push(...error.faults)
      }
    }
    const { certs, rolesPath } = placesOf(io.env, io.cwd)
    collect(() => void loadSettings(io.env, io.cwd))
    collect(() => void loadPolicy(rolesPath))
    faults.push(...checkCerts(certs, io.now().getTime()))
    if (values.json === true) io.stdout.write(`${JSON.stringify(faults, null, 2)}\n`)
    else if (faults.length === 0) io.stdout.write('all is well\n')
    else io.stderr.write(`${faults.map(formatFault).join('\n')}\n`)
    return faults.length === 0 ? 0 : 1
  },
}

const eachCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function checkCerts(certs: string, now: number): Fault[] {
  const faults: Fault[] = []
  const fault = (name: string, message: string, hint: string): void =>
    void faults.push({ where: join(certs, name), message, hint })
  const read = <T>(name: string, hint: string, parse: (pem: string) => T): T | undefined => {
    try {
      return parse(readFileSync(join(certs, name), 'utf8'))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      fault(name, `it cannot be read (${code ?? message})`, hint)
      return undefined
    }
  }
  const certificate = (pem: string): X509Certificate => new X509Certificate(pem)
  const cas = read('ca.pem', 'dockgate ca init', (pem) =>
    (pem.match(eachCertificate) ?? [pem]).map(certificate),
  )
  const cert = read('server/cert.pem', 'dockgate ca server', certificate)
  const key = read('server/key.pem', 'dockgate ca server', createPrivateKey)
  read('crl.pem', 'dockgate ca crl', (crl) => createSecureContext({ crl }))
  if (cas !== undefined && cert !== undefined && !cas.some((ca) => isFrom(ca, cert))) {
    fault('server/cert.pem', 'it is not from the CA in ca.pem', 'dockgate ca server')
  }
  if (cert !== undefined && key !== undefined && !cert.checkPrivateKey(key)) {
    fault('server/key.pem', 'it is not the key of cert.pem', 'dockgate ca server')
  }
  if (cert !== undefined && Date.parse(cert.validTo) < now) {
    fault('server/cert.pem', `it expired on ${cert.validTo}`, 'dockgate ca server')
  }
  for (const { subject, validTo } of lasting(cas ?? [])) {
    if (Date.parse(validTo) >= now) continue
    fault('ca.pem', `${subject.replaceAll('\n', ', ')} expired on ${validTo}`, 'a new CA')
  }
  for (const name of ['server/key.pem', 'ca.key']) {
    const mode = statSync(join(certs, name), { throwIfNoEntry: false })?.mode
    if (mode !== undefined && (mode & 0o077) !== 0) {
      fault(name, 'others than its owner may read it', `chmod 600 ${join(certs, name)}`)
    }
  }
  return faults
}

function isFrom(ca: X509Certificate, cert: X509Certificate): boolean {
  return cert.checkIssued(ca) && cert.verify(ca.publicKey)
}
