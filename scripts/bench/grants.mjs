// Whether a decision costs more where there are more grants and roles.
import { hammer, head } from './load.mjs'
import { startPeer } from './peers.mjs'
import { warmUp } from './works.mjs'

export async function manyGrants({ place, identities, start, rounds }) {
  const row = { name: 'GET /containers/json by grants', unit: 'µs CPU a request', peers: {} }
  const list = head('GET', '/v1.41/containers/json')
  for (const [grants, roles] of [
    [10, 1],
    [1_000, 1],
    [10_000, 1],
    [10_000, 20],
  ]) {
    const peer = await startPeer('dockgate', start, { ...place, roles: rolesFile(grants, roles) })
    await warmUp(peer, identities.admin)
    const values = []
    for (let round = 0; round < rounds; round++) {
      let cpu = 0
      const opened = () => (cpu = peer.cpuMs())
      const how = { connections: 16, ms: 1000, status: 200, opened }
      const count = await hammer(peer, identities.admin, list, how)
      values.push(((peer.cpuMs() - cpu) * 1000) / count)
    }
    await peer.stop()
    values.sort((one, two) => one - two)
    row.peers[`${grants} grants, ${roles} roles`] = {
      value: Math.round(values[Math.floor(values.length / 2)] * 10) / 10,
      from: Math.round(values[0]),
      to: Math.round(values.at(-1)),
      perSecond: Math.round(peer.readyMs),
      rate: 'ms to start',
    }
  }
  return row
}

function rolesFile(grants, roles) {
  const names = Array.from({ length: roles }, (_, index) => `role-${index}`)
  const declared = names.map((name) => `  ${name}: { includes: [viewer], on: all, limits: none }`)
  const given = Array.from(
    { length: grants - 1 },
    (_, index) => `  - { to: { name: person-${index} }, roles: [viewer] }`,
  )
  return `roles:\n${declared.join('\n')}\ngrants:\n${given.join('\n')}\n  - { to: { name: admin }, roles: [${names.join(', ')}] }\n`
}
