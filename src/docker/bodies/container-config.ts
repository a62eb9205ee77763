// What runs in a container, its addresses and its mounts: shared by create, commit and services.
import { bool, field, int, list, map, object, text, texts, words } from '../shape.ts'

export const healthcheck = object({
  Test: words,
  Interval: int,
  Timeout: int,
  StartPeriod: int,
  StartInterval: int,
  Retries: int,
})

/** The process and its surroundings inside the container. */
export const containerConfig = {
  Hostname: text,
  Domainname: text,
  User: field('text', 'user', '--user'),
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  ExposedPorts: map(object({})),
  Tty: bool,
  OpenStdin: bool,
  StdinOnce: bool,
  Env: field('texts', 'env', '--env'),
  Cmd: words,
  Healthcheck: healthcheck,
  ArgsEscaped: bool,
  Image: field('text', 'image', 'image'),
  Volumes: map(object({})),
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: bool,
  // Traffic in another's name on a network that is shared.
  MacAddress: field('text', 'forbidden', '--mac-address'),
  OnBuild: texts,
  Labels: map(text, 'labels', '--label'),
  StopSignal: text,
  StopTimeout: field('int', 'stopTimeout', '--stop-timeout'),
  Shell: words,
}

export const endpointSettings = object({
  IPAMConfig: object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts }),
  // Here a name for a name, asked of this network's own DNS: an id would not be known to it.
  Links: texts,
  Aliases: texts,
  MacAddress: field('text', 'forbidden', '--mac-address'),
  DriverOpts: map(text, 'endpointOptions', '--network driver-opt'),
  GwPriority: int,
  // The engine's own findings; it overwrites what is sent.
  NetworkID: field('text', 'forbidden'),
  EndpointID: field('text', 'forbidden'),
  Gateway: field('text', 'forbidden'),
  IPAddress: field('text', 'forbidden'),
  IPPrefixLen: field('int', 'forbidden'),
  IPv6Gateway: field('text', 'forbidden'),
  GlobalIPv6Address: field('text', 'forbidden'),
  GlobalIPv6PrefixLen: field('int', 'forbidden'),
  DNSNames: field('texts', 'forbidden'),
})

/** Judged as a whole by `mounts`: what a mount may hold depends on its type. */
export const mounts = list(
  object({
    Type: text,
    Source: text,
    Target: text,
    ReadOnly: bool,
    Consistency: text,
    BindOptions: object({
      Propagation: text,
      NonRecursive: bool,
      CreateMountpoint: bool,
      ReadOnlyNonRecursive: bool,
      ReadOnlyForceRecursive: bool,
    }),
    VolumeOptions: object({
      NoCopy: bool,
      Labels: map(text, 'labels', '--mount volume-label'),
      DriverConfig: object({
        Name: field('text', 'volumeDriver', '--mount volume-driver'),
        Options: map(text, 'volumeOptions', '--mount volume-opt'),
      }),
      Subpath: text,
    }),
    ImageOptions: object({ Subpath: text }),
    TmpfsOptions: object({ SizeBytes: int, Mode: int, Options: list(texts) }),
    // No options of its own; only swarm's CSI plugins make such volumes.
    ClusterOptions: object({}),
  }),
  'mounts',
  '--mount',
)

export const ulimits = list(object({ Name: text, Soft: int, Hard: int }), 'ulimits', '--ulimit')

export const restartPolicy = object({
  Name: field('text', 'restart', '--restart'),
  MaximumRetryCount: int,
})

export const labels = map(text, 'labels', '--label')
