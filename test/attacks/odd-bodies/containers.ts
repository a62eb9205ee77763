// What may stand in the body that creates a container: harmless, dangerous, and somebody else's.
import type { Vocabulary } from '../../helpers/odd-bodies.ts'

/** `own`, another's and nobody's are names that a container, a volume and a network have each. */
export function containerVocabulary(
  word: string,
  all: readonly [own: string, bobs: string, nobodys: string],
): { readonly create: Vocabulary; readonly hostConfig: Vocabulary } {
  const [own] = all
  const things = (kind: string): string[] => all.map((name) => `"${kind}${name}"`)
  const lists = (kind: string, rest = ''): string[] =>
    all.map((name) => `["${kind}${name}${rest}"]`)

  const hostConfig: Vocabulary = {
    Privileged: ['true', 'false', '1', '"true"'],
    Binds: [
      '["/:/h"]',
      '["/etc/../:/h:ro"]',
      '["//:/h"]',
      '["/anonymous"]',
      '"/:/h"',
      '[]',
      `["${word}-new:/y"]`,
      ...lists('', ':/x'),
      ...lists('', ':/x:ro,rshared'),
    ],
    Mounts: [
      '[{"Type":"bind","Source":"/","Target":"/h"}]',
      '[{"type":"bind","source":"/","target":"/h"}]',
      '[{"Type":"volume","Target":"/x"}]',
      '[{"Type":"tmpfs","Target":"/x"},{}]',
      '[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/"}}}}]',
      '[{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"dockgate.owner":"bob"}}}]',
      '[{"Type":"volume","Target":"/x","VolumeOptions":null},null]',
      '[{"Type":"Bind","Source":"/","Target":"/h"}]',
      ...all.map((name) => `[{"Type":"volume","Source":"${name}","Target":"/x"}]`),
    ],
    VolumesFrom: [...lists(''), ...lists('/', ':rw')],
    Links: [...lists('', ':v'), ...lists('/')],
    VolumeDriver: ['"local"', '"other"'],
    CapAdd: ['["SYS_ADMIN"]', '"ALL"', '["\\u017fys_admin"]', '[]', '[""]'],
    Capabilities: ['["CAP_SYS_ADMIN"]'],
    CapDrop: ['["ALL"]', '"NET_RAW"', '[]'],
    SecurityOpt: [
      '["seccomp=unconfined"]',
      '["seccomp:unconfined"]',
      '["no-new-privileges"]',
      '["no-new-privileges=false"]',
      '["apparmor=unconfined","label:disable"]',
      '["disable"]',
      '[]',
    ],
    MaskedPaths: ['[]', '["/x"]', '{}'],
    ReadonlyPaths: ['[]', '["/x"]'],
    NetworkMode: [
      '"host"',
      '"none"',
      '"bridge"',
      '"default"',
      ...things(''),
      ...things('container:'),
    ],
    PidMode: ['"host"', '"Host"', ...things('container:')],
    IpcMode: ['"host"', '"private"', '"shareable"', ...things('container:')],
    UTSMode: ['"host"', '""'],
    UsernsMode: ['"host"'],
    CgroupnsMode: ['"host"', '"private"'],
    Cgroup: ['"host"', '"container:x"'],
    CgroupParent: ['"/x"', '"../../x"'],
    Devices: [
      '[{"PathOnHost":"/dev/null","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}]',
      '[{}]',
    ],
    DeviceCgroupRules: ['["a *:* rwm"]'],
    DeviceRequests: ['[{"Count":-1,"Capabilities":[["gpu"]]}]', '[{}]'],
    Runtime: ['"runc"', '"io.containerd.runc.v2"'],
    Sysctls: ['{"net.ipv4.ip_forward":"1"}', '{"kernel.msgmax":null}'],
    LogConfig: [
      '{"Type":"syslog","Config":{"syslog-address":"udp://127.0.0.1:1"}}',
      '{"Type":"json-file","Config":{"max-size":"1m"}}',
      '{"Config":{"max-size":"1m"}}',
      '{"Type":null,"Config":{"splunk-capath":"/etc/passwd"}}',
    ],
    PidsLimit: ['-1', '0', '5', '5000', '1e3'],
    OomScoreAdj: ['-1000', '100'],
    OomKillDisable: ['true', 'false'],
    PortBindings: [
      '{"80/tcp":[{"HostPort":"80"}]}',
      '{"80/tcp":[{"HostPort":"28000"}]}',
      '{"80/tcp":[{"HostPort":"080"}]}',
      '{"80/tcp":[{"HostPort":"1-99"},null]}',
      '{"80/tcp":[null]}',
      '{"80/tcp":null}',
    ],
    ExtraHosts: ['["h:host-gateway"]', '["h:10.0.0.1"]'],
    StorageOpt: ['{"size":"1"}', '{}'],
    BlkioWeightDevice: ['[{"Path":"/dev/sda","Weight":10}]'],
    BlkioDeviceReadBps: ['[{"Path":"/etc/passwd","Rate":1}]'],
    CpuRealtimeRuntime: ['1000'],
    Memory: ['67108864', '67108864.0', '6.7108864e7', '9007199254740993'],
    Ulimits: ['[{"Name":"nofile","Soft":10,"Hard":10}]', '[null]'],
    Tmpfs: ['{"/t":""}', '{"/t":null}'],
    Annotations: ['{"a":"b"}'],
    Isolation: ['"default"'],
    AutoRemove: ['true'],
  }
  const create: Vocabulary = {
    ...Object.fromEntries(
      Object.entries(hostConfig).map(([name, values]) => [`HostConfig.${name}`, values]),
    ),
    HostConfig: ['{}', '{"Privileged":true}'],
    Labels: [
      '{"dockgate.owner":"bob"}',
      '{"a":"b"}',
      '{"dockgate.team":null}',
      '{"Dockgate.Owner":"x"}',
    ],
    MacAddress: ['"02:42:ac:11:00:99"'],
    Volumes: ['{"/data":{}}', '{"data":{}}', '{"/data":null}'],
    User: ['"0"', '"1000"'],
    NetworkingConfig: [
      '{"EndpointsConfig":{"host":{}}}',
      ...all.map((name) => `{"EndpointsConfig":{"${name}":{}}}`),
      `{"EndpointsConfig":{"${own}":{"DriverOpts":{"a":"b"}}}}`,
      `{"EndpointsConfig":{"${own}":null}}`,
    ],
    VolumeDriver: ['"local"'],
    Privileged: ['true'],
    Unknown: ['1'],
    __proto__x: ['{"Privileged":true}'],
  }

  return { create, hostConfig }
}
