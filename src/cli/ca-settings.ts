// ca.yaml, what the operator says of the signing endpoint → one value, or every fault at once.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { EndpointSettings } from '../ca/endpoint/settings.ts'
import { FaultyConfig } from '../config/load.ts'
import { readYaml } from '../config/yaml-node.ts'
import { UsageError } from './arguments.ts'
import { readIssuers } from './ca-issuers.ts'
import { readNumber } from './read-number.ts'
import type { Io } from './verb.ts'

const keys = ['listen', 'names', 'maxHours', 'ratePerMinute', 'oidc']
const defaultListen = '0.0.0.0:2378'

export interface CaFlags {
  readonly listen?: string | undefined
  readonly names?: readonly string[] | undefined
}

/** What the command line says goes before what the file says. */
export function loadEndpointSettings(io: Io, flags: CaFlags): EndpointSettings {
  const { root, faults } = readYaml(textOf(io), 'ca.yaml')
  const entries = root.entries(keys)
  const listen = entries.get('listen')
  const names = (entries.get('names')?.texts() ?? []).map(({ value, text }) => {
    if (!isName(text)) value.fault(`${JSON.stringify(text)} is no DNS name or address`)
    return text
  })
  const settings: EndpointSettings = {
    listen:
      flags.listen === undefined
        ? (readListen(listen?.text() ?? defaultListen) ??
          listen?.fault('this is no address to listen on', `${defaultListen}, [::]:2378`) ??
          nowhere)
        : (readListen(flags.listen) ?? refuseListen(flags.listen)),
    names: flags.names ?? (names.length > 0 ? names : ownNames()),
    maxHours: readNumber(entries.get('maxHours'), 24 * 397, 24 * 3650),
    ratePerMinute: readNumber(entries.get('ratePerMinute'), 60, 100_000),
    issuers: readIssuers(entries.get('oidc')),
  }
  if (faults.length > 0) throw new FaultyConfig(faults)
  return settings
}

const nowhere = { host: '127.0.0.1', port: 0 }

function textOf(io: Io): string {
  const path = join(resolve(io.cwd, io.env['DOCKGATE_HOME'] ?? '.'), 'ca.yaml')
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

function readListen(text: string): EndpointSettings['listen'] | undefined {
  const [, v6, name = '', port = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535) return undefined
  const host = v6 ?? name
  return { host: host === '' ? '0.0.0.0' : host, port: Number(port) }
}

function refuseListen(text: string): never {
  throw new UsageError(`--listen ${JSON.stringify(text)} is no address`, defaultListen)
}

function isName(text: string): boolean {
  return isIP(text) !== 0 || /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(text)
}

function ownNames(): string[] {
  const here = hostname()
  return [...new Set(['localhost', ...(isName(here) ? [here] : []), '127.0.0.1', '::1'])]
}
