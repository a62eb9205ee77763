// Docker's library for Python, which docker-compose 1 and Ansible are built on, does the same as a
// developer behind the gateway as on the engine's socket.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { onSocket, runDocker, throughTls, type Target } from '../helpers/docker-cli.ts'
import { onEngine, projectRoot, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { sameInMeaning } from '../helpers/inspected.ts'

const script = join(projectRoot, 'test/helpers/python-client.py')
// Of a machine's own, they would stand before the CA that the client was told.
const env = { REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' }

let gateway: GatewayProcess
const words = [uniqueName('py'), uniqueName('py')] as const

before(async () => {
  gateway = await startGatewayProcess({
    roles: 'grants: [{ to: { name: alice }, roles: [developer] }]',
  })
})
after(async () => {
  for (const word of words) await removeAll(word)
  await gateway.stop()
})

async function day(word: string, target: Target): Promise<readonly [said: unknown, is: unknown]> {
  const program = '/usr/bin/python3'
  const { stdout, stderr, exit } = await runDocker(target, [script, word], { program, env })
  assert.equal(exit, 0, stderr)
  const shown = await onEngine<Record<string, unknown>>(`/containers/${word}-web/json`)
  const network = await onEngine<{ Id: string }>(`/networks/${word}-net`)
  // It runs: its addresses and ports are its own.
  const { Networks } = shown['NetworkSettings'] as { readonly Networks: object }
  const lasting = { ...shown, NetworkSettings: Object.keys(Networks) }
  return [JSON.parse(stdout), sameInMeaning(lasting, { [network.Id]: 'NAME-net', [word]: 'NAME' })]
}

describe('a Python program', () => {
  it('sees and makes the same as on the engine’s socket', async () => {
    const through = throughTls(`tcp://127.0.0.1:${gateway.port}`, gateway.certPath('alice'))
    const [direct, gated] = [await day(words[0], onSocket()), await day(words[1], through)]
    assert.deepEqual(gated[0], direct[0])
    assert.deepEqual(gated[1], direct[1])
  })
})
