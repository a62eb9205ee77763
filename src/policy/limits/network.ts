// Networks, ports and names.
import { isObject } from '../../docker/json.ts'
import type { Json } from '../../docker/operation.ts'
import { isInside, parseAddress, parseNetwork } from '../network.ts'
import type { Limits, PublishRule } from '../limits.ts'
import {
  against,
  entriesOf,
  itemsOf,
  listed,
  numberOf,
  textOf,
  wordsOf,
  type Against,
  type Predicate,
} from './predicate.ts'

/** Names of networks and containers are judged where they are resolved. */
export const networkMode: Predicate = (value, { limits }) =>
  value === 'host' ? judgeHost(limits, 'host') : undefined

/** The key joins the network, whatever the mode says. */
export const endpoints: Predicate = (value, { limits }) =>
  entriesOf(value).some(([name]) => name === 'host') ? judgeHost(limits, 'host') : undefined

export function judgeHost(limits: Limits, found: string): Against | undefined {
  return limits.namespaces.has('network')
    ? undefined
    : against('namespaces', found, 'bridge, none, a network or container of their own')
}

/** Sysctls among them. */
export const endpointOptions: Predicate = (value) =>
  against('safe', listed(entriesOf(value).map(([name]) => name)), 'none')

/** An address of the host's own network in the disguise of a name. */
export const hosts: Predicate = (value) => {
  // `name:address` for containers, `address name` for services.
  const refused = wordsOf(value).find((host) => /(^|[:=[\s])host-gateway($|[\]\s])/i.test(host))
  return refused === undefined ? undefined : against('safe', refused, 'addresses')
}

/**
 * `HostIp` and `HostPort` as the engine reads them: no address is every address, no port is one that
 * is free, `8000-8010` the first free one of these.
 */
export const publish: Predicate = (value, { limits }) => {
  if (!isObject(value)) return undefined
  for (const port in value) {
    const bindings = value[port]
    if (!Array.isArray(bindings)) continue
    for (const binding of bindings as readonly Json[]) {
      if (!isObject(binding)) continue
      const address = textOf(binding['HostIp'])
      const asked = textOf(binding['HostPort'])
      const sent = fillBinding(limits, address, asked)
      const refused = judgeBinding(limits, sent?.HostIp ?? address, sent?.HostPort ?? asked)
      if (refused !== undefined) return refused
    }
  }
  return undefined
}

function judgeBinding(limits: Limits, address: string, port: string): Against | undefined {
  const range = portsOf(port)
  if (range !== undefined) {
    for (const rule of limits.publish) {
      const fits = range.from >= rule.from && range.to <= rule.to
      if (fits && isAddressOf(rule, address)) return undefined
    }
  }
  const found = `${address === '' ? '' : `${address}:`}${port === '' ? 'any port' : port}`
  return against('publish', found, allowedPorts(limits))
}

/** Where the engine picks a port, it takes one of these (net.ipv4.ip_local_port_range). */
const ephemeral = { from: 32_768, to: 60_999 }

function portsOf(text: string): { readonly from: number; readonly to: number } | undefined {
  if (text === '' || text === '0') return ephemeral
  const dash = text.indexOf('-')
  const from = portOf(dash === -1 ? text : text.slice(0, dash))
  const to = dash === -1 ? from : portOf(text.slice(dash + 1))
  return from >= 1 && to >= from && to <= 65_535 ? { from, to } : undefined
}

/** NaN, which lies nowhere, for what is no number of a port. */
function portOf(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
}

function isAddressOf(rule: PublishRule, address: string): boolean {
  if (rule.address === '*' || rule.address === address) return true
  // An address with a zone is none to the engine's parser, and that means every address.
  if (address.includes('%')) return false
  const [wanted, given] = [parseAddress(rule.address), parseAddress(address)]
  return (
    wanted !== undefined &&
    given !== undefined &&
    wanted.family === given.family &&
    wanted.value === given.value
  )
}

function allowedPorts(limits: Limits): string {
  return listed(limits.publish.map((rule) => rule.text))
}

/** The address and port that a client gets who asks for none, where the limit leaves one choice. */
export function fillBinding(
  limits: Limits,
  address: string,
  port: string,
): { readonly HostIp: string; readonly HostPort: string } | undefined {
  const free = port === '' || port === '0'
  if (address !== '' && !free) return undefined
  const rule = limits.publish.find((one) => address === '' || isAddressOf(one, address))
  if (rule === undefined) return undefined
  const anyAddress = limits.publish.some((candidate) => candidate.address === '*')
  const reachesEphemeral = rule.from <= ephemeral.from && rule.to >= ephemeral.to
  const HostIp = address === '' && !anyAddress ? rule.address : address
  const HostPort = free && !reachesEphemeral ? portsIn(rule) : port
  return HostIp === address && HostPort === port ? undefined : { HostIp, HostPort }
}

function portsIn({ from, to }: PublishRule): string {
  return from === to ? String(from) : `${from}-${to}`
}

/** Every exposed port on a free port of every address. */
export const publishAll: Predicate = (value, { limits }) =>
  value === true && judgeBinding(limits, '', '') !== undefined
    ? against('publish', 'every exposed port', allowedPorts(limits))
    : undefined

/** A service publishes on every address of every node. */
export const servicePorts: Predicate = (value, { limits }) => {
  for (const port of itemsOf(value)) {
    const published = numberOf(port['PublishedPort'])
    const text = published === 0 ? '' : String(published)
    // Swarm hands out 30000 to 32767 where no port is asked for.
    const refused =
      published === 0 ? judgeBinding(limits, '', '30000-32767') : judgeBinding(limits, '', text)
    if (refused !== undefined) return refused
  }
  return undefined
}

/**
 * Others mean something to `--network`, or are ids. The beginning of one is refused where something has
 * it; what will ever have it nobody knows, and testcontainers names its networks so.
 */
export const networkName: Predicate = (value) =>
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(textOf(value)) &&
  !['default', 'bridge', 'host', 'none', 'nat', 'container'].includes(textOf(value)) &&
  !/^[0-9a-f]{64}$/.test(textOf(value))
    ? undefined
    : against('safe', value, 'letters, digits, . _ and -, no word of the engine and no id')

export const networkDriver: Predicate = (value, { limits }, { field }) => {
  const allowed = field === 'Driver' ? limits.networkDrivers : new Set(['default'])
  return allowed.has(textOf(value)) ? undefined : against('networkDrivers', value, listed(allowed))
}

/** Others rename or destroy bridges of the host, open its ports or route around its firewall. */
const harmlessOptions: ReadonlySet<string> = new Set([
  'com.docker.network.driver.mtu',
  'com.docker.network.bridge.enable_icc',
])

export const networkOptions: Predicate = (value) => {
  const refused = entriesOf(value).filter(([name]) => !harmlessOptions.has(name))
  return refused.length === 0
    ? undefined
    : against('safe', listed(refused.map(([name]) => name)), listed(harmlessOptions))
}

/** A subnet becomes a route of the host. */
export const addressing: Predicate = (value, { limits }) => {
  for (const config of itemsOf(value)) {
    const subnet = textOf(config['Subnet'])
    const network = parseNetwork(subnet)
    const fits =
      network !== undefined &&
      limits.subnets.some(
        (allowed) =>
          allowed.prefix <= network.prefix &&
          isInside({ family: network.family, value: network.value }, allowed),
      )
    if (!fits || !staysInside(config, subnet)) {
      const found = subnet === '' ? JSON.stringify(config) : subnet
      return against('subnets', found, listed(limits.subnets.map((allowed) => allowed.text)))
    }
  }
  return undefined
}

function staysInside(config: Readonly<Record<string, Json>>, subnet: string): boolean {
  const network = parseNetwork(subnet)
  if (network === undefined) return false
  const auxiliary = [config['AuxiliaryAddresses'], config['AuxAddress']].flatMap((given) =>
    isObject(given) ? Object.values(given) : [],
  )
  return [config['Gateway'], config['IPRange'], ...auxiliary].every((given) => {
    const text = textOf(given)
    if (text === '') return true
    const inner = parseNetwork(text)
    return inner !== undefined && inner.prefix >= network.prefix && isInside(inner, network)
  })
}
