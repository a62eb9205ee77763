// Masks hidden values in an answer of the engine. They are found by the engine's own names for them, at
// whatever depth, so that a field which a newer engine repeats elsewhere is masked there as well. Pure.
import {
  editJson,
  parseBytes,
  textOf,
  writeBytes,
  type Found,
  type JsonPath,
  type JudgeValue,
  type Verdict,
} from '../docker/json-edit.ts'
import type { ByteText } from '../docker/json-units.ts'
import { isObject } from '../docker/json.ts'
import type { Json, Operation } from '../docker/operation.ts'
import { firstValue } from '../docker/query.ts'
import type { Hiding, HideKind } from './hide.ts'

/** Answers that hold something that can be hidden. */
export const maskable: ReadonlySet<string> = new Set([
  'ContainerList',
  'ContainerInspect',
  'ContainerTop',
  'ExecInspect',
  'ImageList',
  'ImageInspect',
  'ImageHistory',
  'ImageAttestations',
  'NetworkList',
  'NetworkListSlash',
  'NetworkInspect',
  'VolumeList',
  'VolumeInspect',
  'VolumeCreate',
  'ServiceList',
  'ServiceInspect',
  'TaskList',
  'TaskInspect',
  'NodeList',
  'NodeInspect',
  'SwarmInspect',
  'SecretList',
  'SecretInspect',
  'ConfigList',
  'ConfigInspect',
  'PluginList',
  'PluginInspect',
  'SystemInfo',
  'SystemDataUsage',
  'SystemEvents',
])

const hidden: ByteText = '"***"'

/** What becomes of one string, as its token stands in the text. Empty strings have nothing to hide. */
type Mask = (token: ByteText) => ByteText

interface Rule {
  readonly kind: HideKind
  readonly mask: Mask
  readonly where?: (path: JsonPath, endpoint: string) => boolean
}

const blank: Mask = () => hidden
/** Clients of today parse addresses: `***` would break them, the empty text is no address. */
const none: Mask = () => '""'

function rules(kind: HideKind, mask: Mask, keys: readonly string[], where?: Rule['where']) {
  const rule: Rule = { kind, mask, ...(where === undefined ? {} : { where }) }
  return keys.map((key) => [key, rule] as const)
}

const table = new Map<string, Rule[]>()
for (const [key, rule] of [
  ...rules('env', maskVariable, ['Env']),
  ...rules('env', maskStep(['ENV']), ['CreatedBy', 'OnBuild', 'Cmd']),
  ...rules('args', maskStep(['ARG']), ['CreatedBy', 'OnBuild', 'Cmd']),
  ...rules('args', maskStepArguments, ['CreatedBy']),
  ...rules('labels', maskStep(['LABEL']), ['CreatedBy', 'OnBuild', 'Cmd']),
  ...rules('command', blank, [
    'Cmd',
    'Entrypoint',
    'Args',
    'Command',
    'Test',
    'OnBuild',
    'CreatedBy',
    'arguments',
    'entrypoint',
  ]),
  // Of what BuildKit keeps: "mount / from exec /bin/sh -c make".
  ...rules('command', blank, ['Description'], (path) => path[0] === 'BuildCache'),
  ...rules(
    'command',
    blank,
    ['Path'],
    (path, id) => id === 'ContainerInspect' && path.length === 1,
  ),
  // "exec: \"x\": executable file not found": an error repeats the command.
  ...rules('command', blank, ['Error'], (path) => path.at(-2) === 'State'),
  ...rules('command', blank, ['Err'], (path) => path.at(-2) === 'Status'),
  ...rules('command', maskAction, ['Action', 'status'], (_, id) => id === 'SystemEvents'),
  ...rules('mounts', maskSource, ['Source', 'Binds']),
  ...rules('mounts', blank, [
    'Mountpoint',
    'PathOnHost',
    'ResolvConfPath',
    'HostnamePath',
    'HostsPath',
    'LogPath',
    'ContainerIDFile',
    'DockerRootDir',
  ]),
  ...rules('mounts', blank, ['Path'], (path) => String(path.at(-3)).startsWith('BlkioDevice')),
  ...rules('mounts', blank, ['Data'], (path) => path.at(-2) === 'GraphDriver'),
  ...rules('mounts', blank, ['Options'], (path, id) => {
    return path.at(-2) === 'DriverConfig' || /^Volume|^SystemDataUsage$/.test(id)
  }),
  ...rules('addresses', none, [
    'IPAddress',
    'GlobalIPv6Address',
    'LinkLocalIPv6Address',
    'SecondaryIPAddresses',
    'SecondaryIPv6Addresses',
    'LinkLocalIPs',
    'Gateway',
    'IPv6Gateway',
    'MacAddress',
    'IPv4Address',
    'IPv6Address',
    'Subnet',
    'IPRange',
    'AuxAddress',
    'AuxiliaryAddresses',
    'HostIp',
    'HostIP',
    'IP',
    'Dns',
    'Nameservers',
    'DefaultAddrPool',
    'Addr',
    'Addresses',
    'NodeAddr',
    'VIP',
    'EndpointIP',
  ]),
  ...rules('addresses', maskHost, ['ExtraHosts', 'Hosts']),
]) {
  table.set(key, [...(table.get(key) ?? []), rule])
}

/** Objects whose keys are somebody's own words, so that a key there is not the engine's name. */
const keyedByUsers: ReadonlySet<string | number> = new Set([
  'Networks',
  'Containers',
  'Services',
  'EndpointsConfig',
  'Ports',
  'PortBindings',
  'ExposedPorts',
  'Sysctls',
  'Tmpfs',
  'StorageOpt',
  'Annotations',
  'Options',
  'DriverOpts',
  'Attributes',
])

/** `unit`: the text that is masked, for what depends on another of its members. */
export function createMask(hide: Hiding, operation: Operation, unit: ByteText): JudgeValue {
  const endpoint = operation.endpoint.id
  // How it was built, arguments included, in whatever form the builder of that day wrote it.
  if (endpoint === 'ImageAttestations') {
    return (_path, found) => (found.kind === 'string' ? { put: hidden } : 'inside')
  }
  if (endpoint === 'ContainerTop') return judgeTop(hide, operation, unit)
  const ofEvent = endpoint === 'SystemEvents' ? textOf(memberOf(unit, 'Type')) : undefined
  return (path, found) => {
    const key = path.at(-1)
    if (typeof key !== 'string') return 'inside'
    const parent = path.at(-2)
    // A list of containers, services or ports has positions there; an object, words of somebody.
    if (typeof parent === 'string' && keyedByUsers.has(parent)) return 'inside'
    if (key === 'Labels') return hide.has('labels') ? maskLabels(hide, found) : 'stay'
    if (key === 'Attributes' && ofEvent !== undefined) return maskAttributes(hide, ofEvent, found)
    const fitting = (table.get(key) ?? []).filter(
      ({ kind, where }) => hide.has(kind) && (where === undefined || where(path, endpoint)),
    )
    return fitting.length === 0 ? 'inside' : maskAll(fitting, key, hide, found)
  }
}

function maskAll(fitting: readonly Rule[], key: string, hide: Hiding, found: Found): Verdict {
  if (found.kind === 'other') return 'stay'
  const raw = found.raw()
  const wrapped = editJson(
    key === 'Cmd' && hide.has('args') ? maskStepCommand(raw) : raw,
    (path, one) => {
      // In a plugin's settings a variable is an object: its name and its description stay.
      const described = key === 'Env' && typeof path.at(-1) === 'string' && path.at(-1) !== 'Value'
      if (one.kind !== 'string' || described) return 'inside'
      const token = one.raw()
      if (token === '""') return 'stay'
      const whole = key === 'Env' && path.at(-1) === 'Value'
      const masked = fitting.reduce((text, rule) => (whole ? hidden : rule.mask(text)), token)
      return masked === token ? 'stay' : { put: masked }
    },
  )
  return wrapped === raw ? 'stay' : { put: wrapped }
}

/** `PASSWORD=x` keeps its name. */
function maskVariable(token: ByteText): ByteText {
  const name = /^"[^"\\=]*=/.exec(token)
  if (name !== null) return `${name[0]}***"`
  // Without a value there is nothing to hide; an escape in the name might be the equals sign.
  return token.includes('\\') ? hidden : token
}

/** `db:10.0.0.2` keeps its name. */
function maskHost(token: ByteText): ByteText {
  const name = /^"[^"\\:= ]*[:=]/.exec(token)
  return name === null ? hidden : `${name[0]}***"`
}

/** A volume's name is no path of the host. */
function maskSource(token: ByteText): ByteText {
  const [, source = '', rest = '"'] = /^"((?:[^":\\]|\\.)*)(.*)$/s.exec(token) ?? []
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source) ? token : `"***${rest}`
}

/** `exec_create: sh -c x`, and whatever else comes to stand after such a colon. */
function maskAction(token: ByteText): ByteText {
  const action = /^"([a-z_-]+): /.exec(token)
  if (action === null || action[1] === 'health_status') return token
  return `${action[0]}***"`
}

/** `ENV NAME=value`, as the two builders write it into an image's history. */
function maskStep(words: readonly string[]): Mask {
  const step = new RegExp(
    String.raw`(^"|#\(nop\) +|ONBUILD +)(${words.join('|')})(\s+)([^=\s"\\]*)(.*)$`,
    'is',
  )
  return (token) =>
    token.replace(step, (whole, lead: string, word: string, gap: string, name: string, rest) =>
      rest === '"' ? whole : `${lead}${word}${gap}${name}=***"`,
    )
}

/**
 * `|2 A=x B=y z /bin/sh -c make`: where the arguments end cannot be told for sure, but the shell comes
 * after them, so that what precedes its last mention holds them all.
 */
function maskStepArguments(token: ByteText): ByteText {
  const [lead] = /^"(?:RUN )?\|[0-9]+ /.exec(token) ?? []
  if (lead === undefined) return token
  const shell = token.lastIndexOf(' /bin/sh -c ')
  return shell < lead.length ? `${lead}***"` : `${lead}***${token.slice(shell)}`
}

/** The same in a command's own list: `["|1", "A=x", "/bin/sh", "-c", "make"]`. */
function maskStepCommand(raw: ByteText): ByteText {
  const items = parseBytes(raw)
  const [count] = Array.isArray(items) ? items : []
  if (typeof count !== 'string' || !/^\|[0-9]+$/.test(count)) return raw
  const last = Number(count.slice(1))
  return editJson(raw, ([index], found) => {
    const isArgument = typeof index === 'number' && index > 0 && index <= last
    return isArgument && found.kind === 'string' ? { put: maskVariable(found.raw()) } : 'inside'
  })
}

function maskLabels(hide: Hiding, found: Found): Verdict {
  if (found.kind === 'other') return 'stay'
  const raw = found.raw()
  const masked = editJson(raw, (path, one) => {
    const [key] = path
    if (path.length === 0) return 'inside'
    // The engine's own labels are a list of `key=value`.
    if (typeof key === 'number') {
      const [name = ''] = one.kind === 'string' ? textOf(one.json()).split('=', 1) : []
      return hide.hidesLabel(name) ? { put: writeBytes(`${name}=***`) } : 'stay'
    }
    return key !== undefined && hide.hidesLabel(key) ? { put: hidden } : 'stay'
  })
  return masked === raw ? 'stay' : { put: masked }
}

function memberOf(unit: ByteText, name: string): Json | undefined {
  const value = parseBytes(unit)
  return isObject(value) ? value[name] : undefined
}

/** In an event of a container or an image its labels stand among the event's own words. */
function maskAttributes(hide: Hiding, type: string, found: Found): Verdict {
  const raw = found.raw()
  // A daemon that has read its settings again tells all of them, in a form of its own.
  if (
    type === 'daemon' &&
    (['labels', 'addresses', 'mounts'] as const).some((one) => hide.has(one))
  ) {
    const told = editJson(raw, ([key], one) =>
      one.kind === 'string' && key !== 'name' ? { put: hidden } : 'inside',
    )
    return told === raw ? 'stay' : { put: told }
  }
  if (type !== 'container' && type !== 'image') return 'stay'
  const masked = editJson(raw, ([key], one) => {
    // The engine writes these two over a label of the same name.
    const own = key === undefined || key === 'name' || key === 'image'
    if (own || one.kind !== 'string') return 'inside'
    return hide.hidesLabel(String(key)) ? { put: hidden } : 'stay'
  })
  return masked === raw ? 'stay' : { put: masked }
}

/** Ways to call ps that show the command in the last column, and no environment. */
const plainTop: ReadonlySet<string> = new Set(['', '-ef', 'aux', '-aux', 'ax', '-e', '-f', 'u'])

/**
 * `ps_args` goes to ps on the host, where `e` adds the environment to the command and `-o` gives any
 * column any title: there all but the process id is masked.
 */
function judgeTop(hide: Hiding, { target }: Operation, unit: ByteText): JudgeValue {
  const isPlain = plainTop.has(firstValue(target.query, 'ps_args') ?? '')
  if (!hide.has('command') && (!hide.has('env') || isPlain)) return () => 'stay'
  const titles = memberOf(unit, 'Titles')
  const columns = Array.isArray(titles) ? titles : []
  // The engine has read a number in the first column of this name.
  const pid = columns.indexOf('PID')
  return (path) => {
    const [list, , column] = path
    if (list !== 'Processes' || typeof column !== 'number') return 'inside'
    const isLast = column >= columns.length - 1
    return column === pid || (isPlain && !isLast) ? 'stay' : { put: hidden }
  }
}
