// The signing endpoint as a process: opens the CA's key once, listens, and keeps its own certificate
// and the CRL from running out.
import { setTimeout as delay } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { openIssuer } from '../open-issuer.ts'
import type { Access } from '../open-issuer.ts'
import { keepCrlFresh } from '../sign-crl.ts'
import type { Signer } from '../signer.ts'
import { createApp } from './app.ts'
import { makeOwnCertificate } from './own-certificate.ts'
import type { EndpointSettings } from './settings.ts'

export interface EndpointOptions {
  readonly access: Omit<Access, 'now'>
  readonly now: () => Date
  readonly settings: EndpointSettings
  readonly log: Logger
  /** How often it looks at what runs out. */
  readonly upkeepMs?: number
}

export interface ServingEndpoint {
  readonly host: string
  readonly port: number
  readonly close: () => Promise<void>
}

const hourMs = 3_600_000

export async function serveEndpoint(options: EndpointOptions): Promise<ServingEndpoint> {
  const { settings, log, now } = options
  const { folder } = options.access
  const issuer = await openIssuer({ ...options.access, now: now() })
  const signer: Signer = { folder, issuer, now }
  let own = await makeOwnCertificate(signer, settings.names)
  const app = createApp(signer, settings, own, log)
  await app.listen(settings.listen)

  const upkeep = async (): Promise<void> => {
    const signed = await keepCrlFresh(signer)
    if (signed !== undefined) log.info({ number: signed.number }, 'signed the CRL anew')
    if (now() < own.renewAt) return
    own = await makeOwnCertificate(signer, settings.names)
    app.server.setSecureContext({ key: own.key, cert: own.chain, ca: issuer.anchor + issuer.chain, minVersion: 'TLSv1.3' }) // prettier-ignore
    log.info('renewed the own certificate of the endpoint')
  }
  const stopping = new AbortController()
  const everyHour = async (): Promise<void> => {
    const { signal } = stopping
    const wait = options.upkeepMs ?? hourMs
    while (await delay(wait, true, { signal, ref: false }).catch(() => false)) {
      await upkeep().catch((error: unknown) => log.error({ err: error }, 'upkeep failed'))
    }
  }
  await upkeep()
  void everyHour()

  const { address: host, port } = app.server.address() as AddressInfo
  return {
    host,
    port,
    close: async () => {
      stopping.abort()
      await app.close()
    },
  }
}
