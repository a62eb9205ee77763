// Services, secrets and configs; what rules the cluster or the host is for roles without limits.
import {
  bool,
  field,
  int,
  list,
  map,
  object,
  text,
  textMap,
  texts,
  unless,
  words,
} from '../shape.ts'
import { healthcheck, labels, mounts, ulimits } from './container-config.ts'

const file = object({ Name: text, UID: text, GID: text, Mode: int })

const privileges = object(
  {
    CredentialSpec: object({ Config: text, File: text, Registry: text }),
    SELinuxContext: object({ Disable: bool, User: text, Role: text, Type: text, Level: text }),
    Seccomp: object({ Mode: text, Profile: text }),
    AppArmor: object({ Mode: text }),
    NoNewPrivileges: bool,
  },
  'privileges',
  '--security-opt',
)

const containerSpec = object({
  Image: field('text', 'serviceImage', 'image'),
  Labels: map(text, 'labels', '--container-label'),
  Command: words,
  Args: words,
  Hostname: field('text', 'template', '--hostname'),
  Env: field('texts', 'serviceEnv', '--env'),
  Dir: text,
  User: field('text', 'user', '--user'),
  Groups: field('texts', 'groups', '--group'),
  Privileges: privileges,
  Init: bool,
  StopSignal: text,
  TTY: bool,
  OpenStdin: bool,
  ReadOnly: bool,
  Mounts: mounts,
  StopGracePeriod: field('int', 'stopGrace', '--stop-grace-period'),
  HealthCheck: healthcheck,
  Healthcheck: healthcheck,
  Hosts: field('texts', 'hosts', '--host'),
  DNSConfig: object({ Nameservers: texts, Search: texts, Options: texts }),
  Secrets: list(object({ File: file, SecretID: text, SecretName: text })),
  Configs: list(object({ File: file, Runtime: object({}), ConfigID: text, ConfigName: text })),
  // An update sends the words back that an inspect has shown.
  Isolation: unless('default', field('text', 'forbidden', '--isolation')),
  Sysctls: map(text, 'sysctls', '--sysctl'),
  CapabilityAdd: field('texts', 'capabilities', '--cap-add'),
  CapabilityDrop: texts,
  Ulimits: ulimits,
  OomScoreAdj: field('int', 'oomScore', '--oom-score-adj'),
})

const genericResources = list(
  object({
    NamedResourceSpec: object({ Kind: text, Value: text }),
    DiscreteResourceSpec: object({ Kind: text, Value: int }),
  }),
  'forbidden',
  '--generic-resource',
)

const attachments = list(
  object({
    Target: text,
    Aliases: texts,
    DriverOpts: map(text, 'endpointOptions', '--network driver-opt'),
  }),
)

const rollout = object({
  Parallelism: int,
  Delay: int,
  FailureAction: text,
  Monitor: int,
  MaxFailureRatio: field('number'),
  Order: text,
})

const privilege = object({ Name: text, Description: text, Value: texts })

const taskTemplate = object({
  ContainerSpec: containerSpec,
  PluginSpec: object(
    { Name: text, Remote: text, Disabled: bool, PluginPrivilege: list(privilege), Env: texts },
    'forbidden',
  ),
  NetworkAttachmentSpec: object({ ContainerID: text }, 'forbidden'),
  Resources: object({
    Limits: object({
      NanoCPUs: field('int', 'cpus', '--limit-cpu'),
      MemoryBytes: field('int', 'memory', '--limit-memory'),
      Pids: field('int', 'pids', '--limit-pids'),
      GenericResources: genericResources,
    }),
    Reservations: object({ NanoCPUs: int, MemoryBytes: int, GenericResources: genericResources }),
    SwapBytes: field('int', 'memorySwap', '--memory-swap'),
    MemorySwappiness: int,
  }),
  RestartPolicy: object({
    Condition: field('text', 'restartCondition', '--restart-condition'),
    Delay: int,
    MaxAttempts: int,
    Window: int,
  }),
  Placement: object({
    Constraints: texts,
    Preferences: list(object({ Spread: object({ SpreadDescriptor: text }) })),
    MaxReplicas: int,
    Platforms: list(object({ Architecture: text, OS: text })),
  }),
  ForceUpdate: int,
  // A task may be a plugin, which is root on the host.
  Runtime: unless('container', field('text', 'forbidden')),
  Networks: attachments,
  LogDriver: object({ Name: text, Options: textMap }, 'log', '--log-driver'),
})

export const serviceSpec = object({
  Name: text,
  Labels: labels,
  TaskTemplate: taskTemplate,
  Mode: object({
    Replicated: object({ Replicas: int }),
    Global: object({}),
    ReplicatedJob: object({ MaxConcurrent: int, TotalCompletions: int }),
    GlobalJob: object({}),
  }),
  UpdateConfig: rollout,
  RollbackConfig: rollout,
  Networks: attachments,
  EndpointSpec: object({
    Mode: text,
    Ports: list(
      object({
        Name: text,
        Protocol: text,
        TargetPort: int,
        PublishedPort: int,
        PublishMode: text,
      }),
      'servicePorts',
      '--publish',
    ),
  }),
})

const driver = object({ Name: text, Options: textMap }, 'forbidden', '--driver')

export const secretSpec = object({
  Name: text,
  Labels: labels,
  Data: text,
  Driver: driver,
  Templating: object({ Name: text, Options: textMap }, 'forbidden', '--template-driver'),
})

export const configSpec = object({
  Name: text,
  Labels: labels,
  Data: text,
  Templating: object({ Name: text, Options: textMap }, 'forbidden', '--template-driver'),
})
