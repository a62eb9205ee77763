// A throw-away authority for the engine's own TLS listener, which exists so that the gateway can be
// compared with it: ca.pem, server.pem, and cert.pem with key.pem for the client (a DOCKER_CERT_PATH).
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export function makeCertificates(folder, address) {
  mkdirSync(folder, { mode: 0o700 })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '30']
  const at = (name) => join(folder, name)
  openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=test engine CA',
    '-keyout',
    at('ca-key.pem'),
    '-out',
    at('ca.pem'),
  )
  const signed = [
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca-key.pem'),
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ]
  const server = [
    '-addext',
    `subjectAltName=IP:${address}`,
    '-addext',
    'extendedKeyUsage=serverAuth',
  ]
  openssl(
    'req',
    '-x509',
    ...key,
    ...signed,
    ...server,
    '-subj',
    '/CN=test engine',
    '-keyout',
    at('server-key.pem'),
    '-out',
    at('server.pem'),
  )
  const client = ['-addext', 'extendedKeyUsage=clientAuth']
  openssl(
    'req',
    '-x509',
    ...key,
    ...signed,
    ...client,
    '-subj',
    '/CN=test client',
    '-keyout',
    at('key.pem'),
    '-out',
    at('cert.pem'),
  )
}

function openssl(...args) {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
}
