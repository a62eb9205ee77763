// Create, update, exec and commit.
import {
  bool,
  emptyField,
  field,
  int,
  list,
  map,
  object,
  objectWithNulls,
  text,
  textMap,
  texts,
  unless,
} from '../shape.ts'
import {
  containerConfig,
  endpointSettings,
  mounts,
  restartPolicy,
  ulimits,
} from './container-config.ts'

const forbiddenInt = (flag?: string) => field('int', 'forbidden', flag)
// A path that is no device tells whether the file is there.
const throttle = (flag: string) => list(object({ Path: text, Rate: int }), 'forbidden', flag)

/** What an update may change as well. */
const resources = {
  CpuShares: int,
  Memory: field('int', 'memory', '--memory'),
  MemoryReservation: int,
  MemorySwap: field('int', 'memorySwap', '--memory-swap'),
  MemorySwappiness: int,
  KernelMemory: int,
  KernelMemoryTCP: int,
  NanoCpus: field('int', 'cpus', '--cpus'),
  CpuPeriod: field('int', 'cpuPeriod', '--cpu-period'),
  CpuQuota: field('int', 'cpuQuota', '--cpu-quota'),
  CpuRealtimePeriod: forbiddenInt('--cpu-rt-period'),
  CpuRealtimeRuntime: forbiddenInt('--cpu-rt-runtime'),
  CpusetCpus: text,
  CpusetMems: text,
  CpuCount: forbiddenInt('--cpu-count'),
  CpuPercent: forbiddenInt('--cpu-percent'),
  IOMaximumIOps: forbiddenInt('--io-maxiops'),
  IOMaximumBandwidth: forbiddenInt('--io-maxbandwidth'),
  DiskQuota: forbiddenInt(),
  BlkioWeight: int,
  BlkioWeightDevice: list(
    object({ Path: text, Weight: int }),
    'forbidden',
    '--blkio-weight-device',
  ),
  BlkioDeviceReadBps: throttle('--device-read-bps'),
  BlkioDeviceWriteBps: throttle('--device-write-bps'),
  BlkioDeviceReadIOps: throttle('--device-read-iops'),
  BlkioDeviceWriteIOps: throttle('--device-write-iops'),
  OomKillDisable: field('bool', 'forbidden', '--oom-kill-disable'),
  PidsLimit: field('int', 'pids', '--pids-limit'),
  Ulimits: ulimits,
  Devices: list(
    object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text }),
    'devices',
    '--device',
  ),
  DeviceCgroupRules: field('texts', 'forbidden', '--device-cgroup-rule'),
  DeviceRequests: list(
    object({
      Driver: text,
      Count: int,
      DeviceIDs: texts,
      Capabilities: list(texts),
      Options: textMap,
    }),
    'forbidden',
    '--gpus',
  ),
  CgroupParent: field('text', 'cgroupParent', '--cgroup-parent'),
  Init: bool,
}

const hostConfig = object({
  ...resources,
  Binds: field('texts', 'binds', '--volume'),
  Mounts: mounts,
  VolumesFrom: field('texts', 'volumesFrom', '--volumes-from'),
  VolumeDriver: field('text', 'volumeDriver', '--volume-driver'),
  Tmpfs: map(text, 'tmpfs', '--tmpfs'),
  ShmSize: field('int', 'shm', '--shm-size'),
  StorageOpt: map(text, 'forbidden', '--storage-opt'),
  Privileged: field('bool', 'privileged', '--privileged'),
  CapAdd: field('words', 'capabilities', '--cap-add'),
  CapDrop: field('words'),
  // Before it was shared out among CapAdd and CapDrop: the exact set.
  Capabilities: field('texts', 'forbidden', '--capabilities'),
  SecurityOpt: field('texts', 'securityOptions', '--security-opt'),
  // Null is the engine's safe list, the empty list masks nothing.
  MaskedPaths: field('texts', 'absent', '--security-opt systempaths'),
  ReadonlyPaths: field('texts', 'absent', '--security-opt systempaths'),
  ReadonlyRootfs: bool,
  NetworkMode: field('text', 'networkMode', '--network'),
  PidMode: field('text', 'namespaces', '--pid'),
  IpcMode: field('text', 'namespaces', '--ipc'),
  UTSMode: field('text', 'namespaces', '--uts'),
  UsernsMode: field('text', 'namespaces', '--userns'),
  CgroupnsMode: field('text', 'namespaces', '--cgroupns'),
  Cgroup: field('text', 'forbidden'),
  Links: field('texts', 'links', '--link'),
  PortBindings: map(list(object({ HostIp: text, HostPort: text })), 'publish', '--publish'),
  PublishAllPorts: field('bool', 'publishAll', '--publish-all'),
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: field('texts', 'hosts', '--add-host'),
  Sysctls: map(text, 'sysctls', '--sysctl'),
  Runtime: field('text', 'runtime', '--runtime'),
  Isolation: unless('default', field('text', 'forbidden', '--isolation')),
  LogConfig: object({ Type: text, Config: textMap }, 'log', '--log-driver'),
  RestartPolicy: restartPolicy,
  AutoRemove: bool,
  OomScoreAdj: field('int', 'oomScore', '--oom-score-adj'),
  GroupAdd: field('texts', 'groups', '--group-add'),
  // Handed on to the runtime, which may act on them.
  Annotations: map(text, 'forbidden', '--annotation'),
  // Of the CLI alone.
  ContainerIDFile: text,
  ConsoleSize: list(int),
})

// Clients that keep a request in one object send the query's part in the body too.
const dropped = field('any', 'dropped')

export const containerCreate = object({
  ...containerConfig,
  HostConfig: hostConfig,
  // The Python client names the network right here, with null for its settings.
  NetworkingConfig: objectWithNulls({
    EndpointsConfig: map(endpointSettings, 'endpoints', '--network'),
  }),
  name: dropped,
  platform: dropped,
  // Of dockerode's `run`; where it holds something, old engines read it.
  VolumesFrom: emptyField,
})

export const containerUpdate = object({ ...resources, RestartPolicy: restartPolicy })

export const containerExec = object({
  // The Python client repeats the path's.
  Container: dropped,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  DetachKeys: text,
  Tty: bool,
  Detach: bool,
  ConsoleSize: list(int),
  Env: field('texts', 'env', '--env'),
  Cmd: field('words', 'command', 'command'),
  Privileged: field('bool', 'privileged', '--privileged'),
  User: field('text', 'user', '--user'),
  WorkingDir: text,
})

export const execStart = object({
  Detach: bool,
  Tty: bool,
  ConsoleSize: list(int),
  hijack: dropped,
  stdin: dropped,
})

export const imageCommit = object({
  ...containerConfig,
  container: dropped,
  repo: dropped,
  tag: dropped,
  comment: dropped,
  author: dropped,
  pause: dropped,
  changes: dropped,
})
