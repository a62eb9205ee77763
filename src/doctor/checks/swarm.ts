// Chapter 7 of the benchmark: the swarm, where there is one and this engine manages it. Pure.
import { X509Certificate } from 'node:crypto'
import {
  fine,
  found,
  foundAny,
  onlyPeopleKnow,
  unseen,
  type Check,
  type Severity,
  type Verdict,
} from '../check.ts'
import type { EngineFacts, Swarm } from '../engine-facts.ts'
import type { Facts } from '../facts.ts'
import { at, entries, number, text } from '../inspected.ts'
import { ofEngine } from './of-engine.ts'

function ofSwarm(
  id: string,
  severity: Severity,
  title: string,
  mend: string,
  look: (swarm: Swarm, facts: Facts, engine: EngineFacts) => Verdict,
): Check {
  return ofEngine(id, severity, title, {
    mend,
    look(engine, facts) {
      const state = text(engine.info, 'Swarm', 'LocalNodeState')
      if (state === 'inactive' || state === '') return fine('swarm mode is off')
      if (engine.swarm === undefined) return unseen('this node does not manage the swarm')
      return look(engine.swarm, facts, engine)
    },
  })
}

const dayNs = 86_400 * 1e9
/** What `docker swarm init` makes. */
const usualExpiryNs = 90 * dayNs
/** The root of a swarm's CA is good for twenty years; somebody should have it on their list before. */
const oldRootMs = 2 * 365 * 86_400_000

export const swarmChecks: readonly Check[] = [
  ofSwarm(
    '7.1',
    'low',
    'there are more or fewer managers than a quorum needs',
    '`docker node demote` or `promote`: 1, 3, 5 or 7',
    ({ nodes }) => {
      const managers = nodes.filter((node) => text(node, 'Spec', 'Role') === 'manager').length
      const said = `${managers} of ${nodes.length} nodes are managers`
      return managers % 2 === 0 || managers > 7 ? found(said) : fine(said)
    },
  ),
  ofSwarm(
    '7.2',
    'medium',
    'the swarm listens on every address',
    '`docker swarm init --listen-addr` with the address of one interface',
    (_swarm, { machine }) => {
      if (typeof machine.daemon === 'string') return unseen(machine.daemon)
      const open = machine.swarmAddresses.filter((one) => one === '0.0.0.0' || one === '::')
      if (machine.swarmAddresses.length === 0) return unseen('nothing is seen to listen on 2377')
      return foundAny(
        open.map((on) => ({ on: `${on}:2377`, seen: 'the manager listens on every address' })),
        machine.swarmAddresses.join(', '),
      )
    },
  ),
  ofSwarm(
    '7.3',
    'medium',
    'overlay networks are not encrypted',
    '`docker network create --opt encrypted`',
    (_swarm, _facts, { networks }) => {
      const overlays = networks.filter((one) => text(one, 'Driver') === 'overlay')
      const bare = overlays.filter(
        (one) => !entries(one, 'Options').some(([name]) => name === 'encrypted'),
      )
      return foundAny(
        bare.map((one) => ({ on: text(one, 'Name'), seen: 'its traffic is not encrypted' })),
        `all of ${overlays.length} are`,
      )
    },
  ),
  ofSwarm(
    '7.4',
    'info',
    'the swarm keeps no secrets',
    '`docker secret create`, for what services must know and nobody else',
    ({ secrets }) => (secrets > 0 ? fine(`it keeps ${secrets}`) : found('there are none')),
  ),
  ofSwarm(
    '7.5',
    'low',
    'managers start without being unlocked',
    '`docker swarm update --autolock`',
    ({ inspect }) =>
      at(inspect, 'Spec', 'EncryptionConfig', 'AutoLockManagers') === true
        ? fine('auto-lock is on')
        : found('auto-lock is off'),
  ),
  ofSwarm(
    '7.6',
    'info',
    'the key of auto-lock is not rotated',
    '`docker swarm unlock-key --rotate`',
    onlyPeopleKnow('when it was rotated'),
  ),
  ofSwarm(
    '7.7',
    'info',
    'certificates of nodes are good for long',
    '`docker swarm update --cert-expiry 48h`',
    ({ inspect }) => {
      const expiry = number(inspect, 'Spec', 'CAConfig', 'NodeCertExpiry')
      const said = `${Math.round(expiry / dayNs)} days`
      return expiry >= usualExpiryNs ? found(said) : fine(said)
    },
  ),
  ofSwarm(
    '7.8',
    'info',
    "the swarm's CA is old",
    '`docker swarm ca --rotate`',
    ({ inspect }, { now }) => {
      const from = issuedAt(text(inspect, 'TLSInfo', 'TrustRoot'))
      if (from === undefined) return unseen('the engine does not tell')
      const said = `it was made on ${new Date(from).toISOString().slice(0, 10)}`
      return now - from > oldRootMs ? found(said) : fine(said)
    },
  ),
  ofSwarm(
    '7.9',
    'info',
    'management and data share an interface',
    '`docker swarm init --advertise-addr … --data-path-addr …`, two addresses',
    () => unseen('the API does not tell by which interface data goes'),
  ),
]

function issuedAt(pem: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(pem).validFrom)
  } catch {
    return undefined
  }
}
