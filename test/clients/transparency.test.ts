// Who may pass notices nothing: the docker command line says and does the same on the engine's socket
// and through the gateway, as an administrator.
import { after, before, describe, it } from 'node:test'
import { dockerPrograms, onSocket, throughTls, type Target } from '../helpers/docker-cli.ts'
import { privateEngine, type PrivateEngine } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { containers } from './transparency/containers.ts'
import { images } from './transparency/images.ts'
import { rest } from './transparency/rest.ts'
import { assertSame, runRow } from './transparency/run-row.ts'

const rows = [...containers, ...images, ...rest]
const adminOnly = 'grants: [{ to: { name: admin }, roles: [admin] }]'
let engine: PrivateEngine
let gateway: GatewayProcess
let direct: Target
let through: Target

before(async () => {
  engine = await privateEngine('transparency')
  // Everything of this process that speaks to the engine means this one.
  process.env['DOCKGATE_TEST_ENGINE'] = engine.engine
  gateway = await startGatewayProcess({ roles: adminOnly })
  direct = onSocket()
  through = throughTls(`tcp://127.0.0.1:${gateway.port}`, gateway.certPath('admin'))
})

after(async () => {
  await gateway.stop()
  await engine.down()
})

for (const docker of dockerPrograms) {
  const mine = rows.filter((row) => row.debianOnly !== true || docker === '/usr/bin/docker')
  describe(`${docker} side by side`, { concurrency: 2 }, () => {
    for (const row of mine.filter((one) => one.alone !== true)) {
      it(row.name, async () => {
        const [socket, tls] = await Promise.all([
          runRow(row, docker, direct),
          runRow(row, docker, through),
        ])
        assertSame(tls, socket)
      })
    }
  })
  describe(`${docker} alone`, () => {
    for (const row of mine.filter((one) => one.alone === true)) {
      it(row.name, async () => {
        const socket = await runRow(row, docker, direct)
        assertSame(await runRow(row, docker, through), socket)
      })
    }
  })
}
