// The engine's router as a model: its routes in the order of registration (moby, daemon/command/
// daemon.go and daemon/server/router/*), matched on the decoded path as gorilla/mux does.

// Routers: checkpoint, container, image, system, volume, build, session, swarm, plugin, distribution,
// network, debug, grpc. `~` stands for the pattern `.*`, where a plain parameter is one segment.
const routes = `
CheckpointList GET /containers/{~}/checkpoints
CheckpointCreate POST /containers/{~}/checkpoints
CheckpointDelete DELETE /containers/{}/checkpoints/{}
ContainerArchiveInfo HEAD /containers/{~}/archive
ContainerList GET /containers/json
ContainerExport GET /containers/{~}/export
ContainerChanges GET /containers/{~}/changes
ContainerInspect GET /containers/{~}/json
ContainerTop GET /containers/{~}/top
ContainerLogs GET /containers/{~}/logs
ContainerStats GET /containers/{~}/stats
ContainerAttachWebsocket GET /containers/{~}/attach/ws
ExecInspect GET /exec/{~}/json
ContainerArchive GET /containers/{~}/archive
ContainerCreate POST /containers/create
ContainerKill POST /containers/{~}/kill
ContainerPause POST /containers/{~}/pause
ContainerUnpause POST /containers/{~}/unpause
ContainerRestart POST /containers/{~}/restart
ContainerStart POST /containers/{~}/start
ContainerStop POST /containers/{~}/stop
ContainerWait POST /containers/{~}/wait
ContainerResize POST /containers/{~}/resize
ContainerAttach POST /containers/{~}/attach
ContainerCopy POST /containers/{~}/copy
ContainerExec POST /containers/{~}/exec
ExecStart POST /exec/{~}/start
ExecResize POST /exec/{~}/resize
ContainerRename POST /containers/{~}/rename
ContainerUpdate POST /containers/{~}/update
ContainerPrune POST /containers/prune
ImageCommit POST /commit
PutContainerArchive PUT /containers/{~}/archive
ContainerDelete DELETE /containers/{~}
ImageList GET /images/json
ImageSearch GET /images/search
ImageGetAll GET /images/get
ImageGet GET /images/{~}/get
ImageHistory GET /images/{~}/history
ImageInspect GET /images/{~}/json
ImageAttestations GET /images/{~}/attestations
ImageLoad POST /images/load
ImageCreate POST /images/create
ImagePush POST /images/{~}/push
ImageTag POST /images/{~}/tag
ImagePrune POST /images/prune
ImageDelete DELETE /images/{~}
Options OPTIONS /{~}
SystemPing GET /_ping
SystemPingHead HEAD /_ping
SystemEvents GET /events
SystemInfo GET /info
SystemVersion GET /version
SystemDataUsage GET /system/df
SystemAuth POST /auth
VolumeList GET /volumes
VolumeInspect GET /volumes/{~}
VolumeCreate POST /volumes/create
VolumePrune POST /volumes/prune
VolumeUpdate PUT /volumes/{~}
VolumeDelete DELETE /volumes/{~}
ImageBuild POST /build
BuildPrune POST /build/prune
BuildCancel POST /build/cancel
Session POST /session
SwarmInit POST /swarm/init
SwarmJoin POST /swarm/join
SwarmLeave POST /swarm/leave
SwarmInspect GET /swarm
SwarmUnlockkey GET /swarm/unlockkey
SwarmUpdate POST /swarm/update
SwarmUnlock POST /swarm/unlock
ServiceList GET /services
ServiceInspect GET /services/{}
ServiceCreate POST /services/create
ServiceUpdate POST /services/{}/update
ServiceDelete DELETE /services/{}
ServiceLogs GET /services/{}/logs
NodeList GET /nodes
NodeInspect GET /nodes/{}
NodeDelete DELETE /nodes/{}
NodeUpdate POST /nodes/{}/update
TaskList GET /tasks
TaskInspect GET /tasks/{}
TaskLogs GET /tasks/{}/logs
SecretList GET /secrets
SecretCreate POST /secrets/create
SecretDelete DELETE /secrets/{}
SecretInspect GET /secrets/{}
SecretUpdate POST /secrets/{}/update
ConfigList GET /configs
ConfigCreate POST /configs/create
ConfigDelete DELETE /configs/{}
ConfigInspect GET /configs/{}
ConfigUpdate POST /configs/{}/update
PluginList GET /plugins
PluginInspect GET /plugins/{~}/json
GetPluginPrivileges GET /plugins/privileges
PluginDelete DELETE /plugins/{~}
PluginEnable POST /plugins/{~}/enable
PluginDisable POST /plugins/{~}/disable
PluginPull POST /plugins/pull
PluginPush POST /plugins/{~}/push
PluginUpgrade POST /plugins/{~}/upgrade
PluginSet POST /plugins/{~}/set
PluginCreate POST /plugins/create
DistributionInspect GET /distribution/{~}/json
NetworkList GET /networks
NetworkListSlash GET /networks/
NetworkInspect GET /networks/{~}
NetworkCreate POST /networks/create
NetworkConnect POST /networks/{~}/connect
NetworkDisconnect POST /networks/{~}/disconnect
NetworkPrune POST /networks/prune
NetworkDelete DELETE /networks/{~}
DebugVars GET /debug/vars
DebugPprof GET /debug/pprof/{}
GrpcTunnel POST /grpc
`
  .trim()
  .split('\n')
  .map((line) => {
    const [id = '', method = '', path = ''] = line.split(' ')
    // Go's `.` takes all but a line feed.
    const pattern = path
      .replaceAll('.', String.raw`\.`)
      .replaceAll('{~}', String.raw`([^\n]*)`)
      .replaceAll('{}', '([^/]+)')
    const versioned = new RegExp(`^/v([0-9.]+)${pattern}$`)
    return { id, method, versioned, plain: new RegExp(`^${pattern}$`) }
  })

export interface Routed {
  readonly id: string
  readonly params: readonly string[]
  readonly version: string | undefined
}

/** What the engine would run for an origin-form target, or undefined where it runs nothing. */
export function asEngineRoutes(method: string, target: string): Routed | undefined {
  const [path = ''] = target.split('?', 1)
  const decoded = decodeURIComponent(path)
  if (cleaned(decoded) !== decoded) return undefined
  for (const route of routes) {
    if (route.method !== method) continue
    const versioned = route.versioned.exec(decoded)
    if (versioned !== null) {
      return { id: route.id, params: versioned.slice(2), version: versioned[1] }
    }
    const plain = route.plain.exec(decoded)
    if (plain !== null) return { id: route.id, params: plain.slice(1), version: undefined }
  }
  return undefined
}

/** gorilla/mux answers 301 to a path that path.Clean would change; it keeps a trailing slash. */
function cleaned(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const clean = `/${kept.join('/')}`
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}
