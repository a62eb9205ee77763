// Whether the engine has a door of its own on the network: which of the ports that are usual for one are
// listened on, and what answers there to somebody without a certificate.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

export interface Door {
  /** `127.0.0.1:2375` */
  readonly address: string
  /**
   * `plain`: the Docker API without TLS; `tls`: for anybody, encrypted; `mutual`: asks for a
   * certificate; `ours`: dockgate; `other`: something else; `silent`: nothing that could be told.
   */
  readonly is: 'plain' | 'tls' | 'mutual' | 'ours' | 'other' | 'silent'
}

const usualPorts = [2375, 2376]
const patienceMs = 2_000

export interface DoorParts {
  /** The process in whose network the engine listens. */
  readonly pid: number | undefined
  /** Of dockerd's own: `tcp://0.0.0.0:2375`. */
  readonly hosts: readonly string[]
  /** The gateway's own certificate, by which its door is known. */
  readonly ownCertificate: string | undefined
}

export async function findDoors({
  pid,
  hosts,
  ownCertificate,
}: DoorParts): Promise<readonly Door[]> {
  const named = hosts.flatMap((host) => /^tcp:\/\/.*:(\d{1,5})$/.exec(host)?.[1] ?? [])
  const ports = new Set([...usualPorts, ...named.map(Number)])
  const listening = listeners(pid).filter(({ port }) => ports.has(port))
  const beside = pid === undefined ? besideContainer() : []
  const own = ownCertificate === undefined ? undefined : fingerprintOf(ownCertificate)
  const doors: Door[] = []
  for (const { host, port } of [...listening, ...beside]) {
    const is = await knock(reachable(host), port, own)
    // Of the machine around a container nothing is known but what answers.
    if (is !== 'silent' || listening.length > 0) {
      doors.push({ address: `${host.includes(':') ? `[${host}]` : host}:${port}`, is })
    }
  }
  return doors
}

interface Place {
  readonly host: string
  readonly port: number
}

export function listeners(pid: number | undefined): readonly Place[] {
  const found = new Map<string, Place>()
  for (const table of ['tcp', 'tcp6']) {
    const text =
      readIfThere(`/proc/${pid ?? 'self'}/net/${table}`) ?? readIfThere(`/proc/self/net/${table}`)
    for (const line of (text ?? '').split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/)
      // proc_net_tcp(5): 0A is LISTEN.
      if (state !== '0A') continue
      const [address = '', port = ''] = local.split(':')
      const place = { host: addressOf(address), port: Number.parseInt(port, 16) }
      found.set(`${place.host} ${place.port}`, place)
    }
  }
  return [...found.values()]
}

/** Words of 32 bits, each in the byte order of the machine, which is little-endian. */
function addressOf(hex: string): string {
  const bytes = [...(hex.match(/.{8}/g) ?? [])].flatMap((word) =>
    [...(word.match(/../g) ?? [])].toReversed().map((byte) => Number.parseInt(byte, 16)),
  )
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.every((byte) => byte === 0)) return '::'
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  )
  return groups.join(':')
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** From inside a container the machine around it is its way out. */
function besideContainer(): readonly Place[] {
  if (!existsSync('/.dockerenv') && !existsSync('/run/.containerenv')) return []
  for (const line of (readIfThere('/proc/self/net/route') ?? '').split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t')
    if (destination === '00000000' && gateway !== '00000000') {
      return usualPorts.map((port) => ({ host: addressOf(gateway), port }))
    }
  }
  return []
}

async function knock(host: string, port: number, own: string | undefined): Promise<Door['is']> {
  const plain = await ask(connect({ host, port }))
  if (isEngine(plain.answer)) return 'plain'
  if (!plain.connected) return 'silent'
  const socket = connectTls({ host, port, rejectUnauthorized: false })
  const { connected, answer, certificate } = await ask(socket)
  if (own !== undefined && certificate === own) return 'ours'
  if (isEngine(answer)) return 'tls'
  if (!connected && certificate === undefined) return 'other'
  // Go names what it wants; a listener that asks for no certificate would have answered.
  return answer === '' ? 'mutual' : 'other'
}

function isEngine(answer: string): boolean {
  return /^HTTP\/1\.[01] 200 /.test(answer) && /^(api-version|docker-experimental):/im.test(answer)
}

interface Asked {
  readonly connected: boolean
  readonly answer: string
  readonly certificate: string | undefined
}

function ask(socket: Socket | TLSSocket): Promise<Asked> {
  return new Promise((resolve) => {
    let connected = false
    let answer = ''
    let certificate: string | undefined
    const done = (): void => {
      clearTimeout(late)
      socket.destroy()
      resolve({ connected, answer, certificate })
    }
    const late = setTimeout(done, patienceMs)
    const begin = (): void => {
      connected = true
      if ('getPeerX509Certificate' in socket) {
        certificate = socket.getPeerX509Certificate()?.fingerprint256
      }
      socket.write('GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n')
    }
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', begin)
    socket.on('data', (part) => {
      answer += part.toString('latin1')
      if (answer.includes('\r\n\r\n')) done()
    })
    socket.on('error', done).on('end', done)
  })
}

function fingerprintOf(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).fingerprint256
  } catch {
    return undefined
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
