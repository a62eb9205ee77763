// Which shape the body of which endpoint has.
import { object, text, type Field } from '../shape.ts'
import {
  containerCreate,
  containerExec,
  containerUpdate,
  execStart,
  imageCommit,
} from './containers.ts'
import {
  networkConnect,
  networkCreate,
  networkDisconnect,
  systemAuth,
  volumeCreate,
  volumeUpdate,
} from './networks-volumes.ts'
import { configSpec, secretSpec, serviceSpec } from './swarm.ts'

export const bodyShapes: ReadonlyMap<string, Field> = new Map([
  ['ContainerCreate', containerCreate],
  ['ContainerUpdate', containerUpdate],
  ['ContainerExec', containerExec],
  ['ExecStart', execStart],
  ['ImageCommit', imageCommit],
  ['NetworkCreate', networkCreate],
  ['NetworkConnect', networkConnect],
  ['NetworkDisconnect', networkDisconnect],
  ['VolumeCreate', volumeCreate],
  ['VolumeUpdate', volumeUpdate],
  ['SystemAuth', systemAuth],
  ['ServiceCreate', serviceSpec],
  ['ServiceUpdate', serviceSpec],
  ['SecretCreate', secretSpec],
  ['SecretUpdate', secretSpec],
  ['ConfigCreate', configSpec],
  ['ConfigUpdate', configSpec],
  ['DockgateGrant', object({ grant: text })],
])

/**
 * Endpoints whose body rules the host, the cluster or the engine itself: all of it is forbidden to a
 * role with limits, whatever it says.
 */
export const ruling: ReadonlySet<string> = new Set([
  'SwarmInit',
  'SwarmJoin',
  'SwarmUnlock',
  'SwarmUpdate',
  'NodeUpdate',
  'PluginPull',
  'PluginUpgrade',
  'PluginSet',
  'CheckpointCreate',
  'ContainerCopy',
])

/** The engine does without a body here. */
export const bodyOptional: ReadonlySet<string> = new Set(['ImageCommit'])
