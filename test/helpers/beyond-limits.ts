// What a container, as the engine shows it, has beyond the safe limits: a list of words, empty when all
// is well. Written from the table of dangerous fields, and from nothing that the gateway has.

export type Host = Readonly<Record<string, unknown>>

export interface Inspected {
  readonly Config: Host & { readonly Labels: Readonly<Record<string, string>> | null }
  readonly HostConfig: Host
  readonly Mounts: readonly Host[]
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Host | null>> }
}

/** What belongs to the asker. */
export interface Own {
  readonly owner: string
  readonly container: { readonly id: string; readonly name: string }
  readonly network: { readonly id: string; readonly name: string }
  /** Whether a volume is labelled as theirs, and is no more than a folder. */
  readonly isOwnVolume: (name: string) => boolean
}

/** `usual` is a container of the same engine for which nothing was asked. */
export function beyondLimits(shown: Inspected, usual: Inspected, own: Own): readonly string[] {
  const host = shown.HostConfig
  const found: string[] = []
  const unless = (fine: boolean, what: string, value: unknown): void => {
    if (!fine) found.push(`${what}: ${JSON.stringify(value)}`)
  }
  for (const name of asUsual) {
    unless(same(host[name], usual.HostConfig[name]), name, host[name])
  }
  for (const name of nothing) unless(isNothing(host[name]), name, host[name])
  for (const name of ['IpcMode', 'PidMode', 'NetworkMode']) {
    const mode = textOf(host[name])
    unless(modes[name]?.includes(mode) === true || isOwnMode(mode, own), name, mode)
  }
  unless(['', 'default'].includes(textOf(host['Isolation'])), 'Isolation', host['Isolation'])
  const cgroup = host['CgroupnsMode']
  unless(cgroup === 'private' || cgroup === usual.HostConfig['CgroupnsMode'], 'Cgroupns', cgroup)
  for (const option of listOf(host['SecurityOpt'])) {
    unless(/^no-new-privileges([=:]true)?$/.test(option), 'SecurityOpt', option)
  }
  for (const bind of listOf(host['Binds'])) unless(!bind.startsWith('/'), 'Binds', bind)
  for (const from of listOf(host['VolumesFrom'])) {
    unless(from.split(':', 1)[0] === own.container.id, 'VolumesFrom', from)
  }
  for (const link of listOf(host['Links'])) {
    unless(link.startsWith(`/${own.container.name}:`), 'Links', link)
  }
  for (const mount of shown.Mounts) {
    const theirs = mount['Type'] === 'tmpfs' || own.isOwnVolume(textOf(mount['Name']))
    unless(theirs, 'Mounts', mount)
  }
  for (const mount of (host['Mounts'] ?? []) as readonly Host[]) {
    unless(['volume', 'tmpfs'].includes(textOf(mount['Type'])), 'Mount', mount)
    const { DriverConfig } = (mount['VolumeOptions'] ?? {}) as Record<string, Host>
    unless(isNothing(DriverConfig?.['Options']), 'DriverConfig', DriverConfig)
  }
  for (const [name, settings] of Object.entries(shown.NetworkSettings.Networks)) {
    const joined = ['bridge', 'none', 'default', own.network.name, own.network.id].includes(name)
    unless(joined, 'Networks', name)
    unless(isNothing(settings?.['DriverOpts']), 'DriverOpts', settings)
  }
  const log = host['LogConfig'] as { readonly Type: string; readonly Config: Host | null }
  unless(['json-file', 'local', 'none'].includes(log.Type), 'LogConfig', log)
  unless(!/address|url|path|cert|socket/.test(JSON.stringify(log.Config)), 'LogConfig', log)
  const pids = Number(host['PidsLimit'])
  unless(pids >= 1 && pids <= 4096, 'PidsLimit', host['PidsLimit'])
  unless(Number(host['OomScoreAdj']) >= 0, 'OomScoreAdj', host['OomScoreAdj'])
  for (const binding of Object.values((host['PortBindings'] ?? {}) as Host).flat()) {
    const port = Number((binding as { readonly HostPort: string } | null)?.HostPort ?? 0)
    unless(port === 0 || port >= 1024, 'PortBindings', binding)
  }
  unless(!JSON.stringify(host['ExtraHosts']).includes('host-gateway'), 'ExtraHosts', host)
  const { Labels, MacAddress } = shown.Config
  unless(Labels?.['dockgate.owner'] === own.owner, 'owner', Labels)
  unless(Labels?.['dockgate.team'] === '', 'team', Labels)
  unless(isNothing(MacAddress), 'MacAddress', MacAddress)
  return found
}

const asUsual = ['MaskedPaths', 'ReadonlyPaths', 'Runtime']
const nothing = [
  'Privileged',
  'CapAdd',
  'Capabilities',
  'Devices',
  'DeviceCgroupRules',
  'DeviceRequests',
  'UTSMode',
  'UsernsMode',
  'Cgroup',
  'CgroupParent',
  'Sysctls',
  'StorageOpt',
  'OomKillDisable',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
  'Annotations',
]
const modes: Readonly<Record<string, readonly string[]>> = {
  IpcMode: ['', 'private', 'shareable', 'none'],
  PidMode: [''],
  NetworkMode: ['', 'default', 'bridge', 'none'],
}

function isOwnMode(mode: string, own: Own): boolean {
  return mode === own.network.id || mode === `container:${own.container.id}`
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (typeof value === 'object') return Object.keys(value).length === 0
  return value === '' || value === 0 || value === false
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
