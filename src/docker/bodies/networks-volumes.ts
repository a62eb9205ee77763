// Networks, volumes, and signing in to a registry.
import { bool, field, int, list, map, object, text, textMap, texts } from '../shape.ts'
import { endpointSettings, labels } from './container-config.ts'

export const networkCreate = object({
  Name: field('text', 'networkName', 'name'),
  CheckDuplicate: bool,
  Driver: field('text', 'networkDriver', '--driver'),
  Scope: field('text', 'forbidden', '--scope'),
  Internal: bool,
  Attachable: bool,
  Ingress: field('bool', 'forbidden', '--ingress'),
  EnableIPv4: bool,
  EnableIPv6: bool,
  ConfigOnly: field('bool', 'forbidden', '--config-only'),
  ConfigFrom: object({ Network: text }, 'forbidden', '--config-from'),
  IPAM: object({
    Driver: field('text', 'networkDriver', '--ipam-driver'),
    Options: map(text, 'forbidden', '--ipam-opt'),
    Config: list(
      object({
        Subnet: text,
        IPRange: text,
        Gateway: text,
        AuxiliaryAddresses: textMap,
        AuxAddress: textMap,
      }),
      'addressing',
      '--subnet',
    ),
  }),
  Options: map(text, 'networkOptions', '--opt'),
  Labels: labels,
})

export const networkConnect = object({
  Container: text,
  EndpointConfig: endpointSettings,
})

export const networkDisconnect = object({ Container: text, Force: bool })

const topology = list(object({ Segments: textMap }))
const clusterVolume = object(
  {
    Group: text,
    AccessMode: object({
      Scope: text,
      Sharing: text,
      MountVolume: object({ FsType: text, MountFlags: texts }),
      BlockVolume: object({}),
      Secrets: list(object({ Key: text, Secret: text })),
      AccessibilityRequirements: object({ Requisite: topology, Preferred: topology }),
      CapacityRange: object({ RequiredBytes: int, LimitBytes: int }),
      Availability: text,
    }),
    Secrets: list(object({ Key: text, Secret: text })),
    AccessibilityRequirements: object({ Requisite: topology, Preferred: topology }),
    CapacityRange: object({ RequiredBytes: int, LimitBytes: int }),
    Availability: text,
  },
  'clusterVolume',
  '--type',
)

export const volumeCreate = object({
  Name: text,
  Driver: field('text', 'volumeDriver', '--driver'),
  DriverOpts: map(text, 'volumeOptions', '--opt'),
  Labels: labels,
  ClusterVolumeSpec: clusterVolume,
})

export const volumeUpdate = object({ Spec: clusterVolume })

/** The engine calls the address that is given here. */
export const systemAuth = object({
  username: text,
  password: text,
  auth: text,
  email: text,
  serveraddress: field('text', 'registry', 'registry'),
  identitytoken: text,
  registrytoken: text,
})
