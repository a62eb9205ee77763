// What a request asks for, in words that a person reads: `create container web from nginx with volume
// data`. Only names are told; never a command, a variable, a label or a credential. Pure.
import { claimsIn } from './grant-claims.ts'
import type { Json, JsonObject, Operation } from './operation.ts'
import { printable } from './printable.ts'

type Tell = (operation: Operation, body: JsonObject) => string

/** Words for whom the permission's own two are not enough, by the endpoint's id. */
const told: Readonly<Record<string, Tell>> = {
  ContainerCreate: tellContainerCreate,
  ContainerRename: (o) => `rename container ${path(o)} to ${query(o, 'name')}`,
  ContainerKill: (o) => `kill container ${path(o)}${after(' with ', query(o, 'signal'))}`,
  ContainerDelete: (o) => {
    const force = isOn(o, 'force') ? ' by force' : ''
    return `remove container ${path(o)}${force}${isOn(o, 'v') ? ' and its volumes' : ''}`
  },
  ContainerLogs: (o) => `${isOn(o, 'follow') ? 'follow' : 'read'} the logs of container ${path(o)}`,
  ContainerTop: (o) => `list the processes of container ${path(o)}`,
  ContainerStats: (o) => `read the statistics of container ${path(o)}`,
  ContainerAttach: (o) => `attach to container ${path(o)}`,
  ContainerAttachWebsocket: (o) => `attach to container ${path(o)}`,
  ContainerWait: (o) => `wait for container ${path(o)}`,
  ContainerChanges: (o) => `list the changes in container ${path(o)}`,
  ContainerArchive: (o) => `copy ${query(o, 'path')} out of container ${path(o)}`,
  ContainerArchiveInfo: (o) => `look at ${query(o, 'path')} in container ${path(o)}`,
  PutContainerArchive: (o) => `copy files to ${query(o, 'path')} in container ${path(o)}`,
  ImageCommit: (o) =>
    `commit container ${query(o, 'container')}${after(' to image ', tagged(o, 'repo', 'tag'))}`,
  ContainerExec: (o, body) => {
    const user = after(' as user ', text(body['User']))
    const privileged = body['Privileged'] === true ? ', privileged' : ''
    return `prepare a command in container ${path(o)}${user}${privileged}`
  },
  ExecStart: (o) => `run the prepared command ${path(o)}`,
  ExecInspect: (o) => `inspect the command ${path(o)}`,
  ExecResize: (o) => `resize the terminal of the command ${path(o)}`,
  ContainerResize: (o) => `resize the terminal of container ${path(o)}`,
  ImageCreate: (o) =>
    query(o, 'fromSrc') === ''
      ? `pull image ${tagged(o, 'fromImage', 'tag')}${after(' for ', query(o, 'platform'))}`
      : `import an image${after(' as ', tagged(o, 'repo', 'tag'))}`,
  ImagePush: (o) => `push image ${path(o)}${after(':', query(o, 'tag'))}`,
  ImageTag: (o) => `tag image ${path(o)} as ${tagged(o, 'repo', 'tag')}`,
  ImageDelete: (o) => `remove image ${path(o)}${isOn(o, 'force') ? ' by force' : ''}`,
  ImageBuild: (o) => `build image${after(' ', queries(o, 't').join(', '))}`,
  ImageGetAll: (o) => `save images${after(' ', queries(o, 'names').join(', '))}`,
  ImageSearch: (o) => `search images for ${query(o, 'term')}`,
  NetworkConnect: (o, body) => `connect ${container(body)} to network ${path(o)}`,
  NetworkDisconnect: (o, body) => `disconnect ${container(body)} from network ${path(o)}`,
  NetworkCreate: (_, body) =>
    `create network${after(' ', text(body['Name']))}${after(' by driver ', text(body['Driver']))}`,
  VolumeCreate: (_, body) =>
    `create volume${after(' ', text(body['Name']))}${after(' by driver ', text(body['Driver']))}`,
  ServiceCreate: (_, body) => {
    const image = text(at(body, 'TaskTemplate', 'ContainerSpec', 'Image'))
    return `create service${after(' ', text(body['Name']))}${after(' from ', image)}`
  },
  SecretCreate: (_, body) => `create secret${after(' ', text(body['Name']))}`,
  ConfigCreate: (_, body) => `create config${after(' ', text(body['Name']))}`,
  PluginPull: (o) => `install plugin ${query(o, 'remote')}`,
  CheckpointList: (o) => `list the checkpoints of container ${path(o)}`,
  CheckpointCreate: (o, body) =>
    `make a checkpoint${after(' ', text(body['CheckpointID']))} of container ${path(o)}`,
  DistributionInspect: (o) => `ask the registry for image ${path(o)}`,
  BuildPrune: () => 'prune the build cache',
  BuildCancel: () => 'cancel a build',
  Options: () => 'ask for the options of the API',
  DebugVars: () => 'read the counters of the engine',
  DebugPprof: (o) => `profile the engine: ${path(o)}`,
  SystemEvents: () => 'follow the events',
  SystemInfo: () => 'read about the engine',
  SystemDataUsage: () => 'read the disk usage',
  SystemPing: () => 'ping',
  SystemPingHead: () => 'ping',
  SystemVersion: () => 'read the version',
  SystemAuth: () => 'try a login to a registry',
  Session: () => 'open a session for a build',
  DockgateGrant: tellGrant,
  DockgateGrants: () => 'list the temporary rights',
  DockgateGrantEnd: (o) => `end the temporary right ${path(o)}`,
  ConsoleYou: () => 'look at the console',
  ConsoleSessions: () => 'look at the sessions in the console',
  ConsoleDecisions: () => 'look at the decisions in the console',
  ConsoleDenials: () => 'look at the denials in the console',
  ConsoleRoles: () => 'look at the roles in the console',
  ConsoleCertificates: () => 'look at the certificates in the console',
  ConsoleHealth: () => 'look at the health in the console',
}

const verbs: Readonly<Record<string, string>> = {
  ls: 'list',
  rm: 'remove',
  'cp-in': 'copy into',
  copy: 'copy from',
  history: 'read the history of',
  attestations: 'read the attestations of',
  logs: 'read the logs of',
  privileges: 'read the privileges of',
  'unlock-key': 'read the unlock key of',
  set: 'set up',
  grpc: 'talk to',
}

/** `asked` in the client's own words; `body` as it was judged, if it was. */
export function intentOf(asked: Operation, body: JsonObject = asked.body ?? {}): string {
  const { id } = asked.endpoint
  const tell = Object.hasOwn(told, id) ? told[id] : undefined
  if (tell !== undefined) return tell(asked, body)
  const [resource = '', verb = ''] = asked.permission.split('.')
  const act = (Object.hasOwn(verbs, verb) ? verbs[verb] : undefined) ?? verb.replaceAll('-', ' ')
  const name = path(asked)
  if (name !== '') return `${act} ${resource} ${name}`
  return verb === 'ls' || verb === 'prune' ? `${act} ${resource}s` : `${act} ${resource}`
}

function tellContainerCreate(operation: Operation, body: JsonObject): string {
  const host = at(body, 'HostConfig')
  const mounts = [...listOf(at(host, 'Mounts')), ...listOf(at(host, 'Binds'))].flatMap(tellMount)
  const network = text(at(host, 'NetworkMode'))
  const said = [
    after('with ', mounts.join(' and ')),
    after('on network ', network === 'default' ? '' : network),
    after('as user ', text(body['User'])),
    at(host, 'Privileged') === true ? 'privileged' : '',
  ].filter((words) => words !== '')
  const begin = `create container${after(' ', query(operation, 'name'))}`
  return `${begin}${after(' from ', text(body['Image']))}${after(' ', said.join(' '))}`
}

function tellGrant(_: Operation, body: JsonObject): string {
  const { grant } = body
  const claims = typeof grant === 'string' ? claimsIn(grant) : undefined
  if (claims === undefined) return 'give a temporary right'
  const until = new Date(claims.exp * 1000).toISOString().slice(0, 19)
  return `give ${word(claims.role)} to ${word(claims.sub)} until ${until}Z because ${printable(claims.reason)}`
}

function tellMount(mount: Json): string[] {
  if (typeof mount !== 'string') {
    const source = text(at(mount, 'Source'))
    const type = text(at(mount, 'Type'))
    return source === '' ? [] : [`${type === 'bind' ? 'host folder' : type} ${source}`]
  }
  const [source = ''] = mount.split(':', 1)
  if (!mount.includes(':')) return []
  return [`${source.startsWith('/') ? 'host folder' : 'volume'} ${word(source)}`]
}

function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  let found = value
  for (const key of keys) {
    const isObject = typeof found === 'object' && found !== null && !Array.isArray(found)
    found =
      isObject && Object.hasOwn(found as JsonObject, key) ? (found as JsonObject)[key] : undefined
  }
  return found
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function container(body: JsonObject): string {
  const name = text(body['Container'])
  return name === '' ? 'a container' : `container ${name}`
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? word(value) : ''
}

/** The path's last parameter: a checkpoint's, not its container's. */
function path({ params }: Operation): string {
  return word(Object.values(params).at(-1) ?? '')
}

function query({ target }: Operation, name: string): string {
  return word(target.query.find(([key]) => key === name)?.[1] ?? '')
}

function queries({ target }: Operation, name: string): readonly string[] {
  return target.query.flatMap(([key, value]) => (key === name ? [word(value)] : []))
}

function isOn(operation: Operation, name: string): boolean {
  return !['', '0', 'false', 'no', 'none'].includes(query(operation, name).toLowerCase())
}

function tagged(operation: Operation, repository: string, tag: string): string {
  const name = query(operation, repository)
  const version = query(operation, tag)
  return name === '' ? '' : `${name}${after(version.includes(':') ? '@' : ':', version)}`
}

/** `text` with what goes before it, or nothing. */
function after(before: string, said: string): string {
  return said === '' ? '' : `${before}${said}`
}

/** A name as it is, if it is one; quoted where it could be taken for other words of the sentence. */
function word(name: string): string {
  return /^[\w.\-/:@+~=]{0,128}$/.test(name) ? name : printable(name)
}
