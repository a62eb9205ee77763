// Makes two answers of `GET /containers/{id}/json` comparable: what differs between any two containers
// goes, and so does what the gateway adds on purpose.

type Json = Record<string, unknown>

interface Inspected {
  readonly Config: Json & { readonly Labels: Json | null; readonly Env: string[] | null }
  readonly HostConfig: Json & { readonly Mounts?: readonly Json[] }
  readonly Mounts: readonly Json[]
}

/** What names the container itself, or what only a start brings about. */
const ofItself = new Set([
  'Id',
  'Name',
  'Created',
  'State',
  'ResolvConfPath',
  'HostnamePath',
  'HostsPath',
  'LogPath',
  'GraphDriver',
  'Hostname',
])

/** `names` are texts of this side alone, each with the word that stands for it. */
export function sameInMeaning(inspected: Json, names: Readonly<Record<string, string>>): unknown {
  let text = JSON.stringify(inspected, (key, value: unknown) =>
    ofItself.has(key) || key.startsWith('dockgate.') ? undefined : value,
  )
  for (const [from, to] of Object.entries(names)) {
    if (from !== '') text = text.replaceAll(from, to)
  }
  // Anonymous volumes have a name that nobody chose; what is left of ids is the container's own.
  text = text.replaceAll(/[0-9a-f]{64}/g, 'ID').replaceAll(/"[0-9a-f]{12}"/g, '"ID12"')
  const { Config, HostConfig, Mounts, ...rest }: Inspected = JSON.parse(text)
  return {
    ...rest,
    Config: { ...Config, Labels: Config.Labels ?? {}, Env: Config.Env?.toSorted() },
    HostConfig: {
      ...HostConfig,
      // The most that a container may have stands in for no limit at all.
      PidsLimit: HostConfig['PidsLimit'] === 4096 ? null : HostConfig['PidsLimit'],
      // An anonymous volume is asked for as a mount, which can carry a label.
      Mounts: (HostConfig.Mounts ?? [])
        .filter(({ Source, Type }) => Source !== undefined || Type === 'tmpfs')
        .map(({ VolumeOptions, ...mount }) => ({ ...mount, ...noted(VolumeOptions) })),
    },
    // `z` is what the engine writes for any mount, and nothing without SELinux.
    Mounts: Mounts.toSorted((a, b) =>
      String(a['Destination']).localeCompare(String(b['Destination'])),
    ).map((mount) => ({ ...mount, Mode: mount['Mode'] === 'z' ? '' : mount['Mode'] })),
  }
}

/** What is left of a volume's options where there is anything. */
function noted(options: unknown): Json {
  const said = Object.entries((options ?? {}) as Json).filter(
    ([, value]) => value !== false && JSON.stringify(value) !== '{}',
  )
  return said.length === 0 ? {} : { VolumeOptions: Object.fromEntries(said) }
}
