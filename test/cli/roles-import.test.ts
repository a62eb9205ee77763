// `dockgate roles presets` and `dockgate roles import`, as a person runs them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRoles } from '../../src/config/roles-file.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

interface Imported {
  readonly allow: readonly string[]
  readonly notCarried: readonly string[]
  readonly yaml: string
}

async function imported(source: string, ...settings: string[]): Promise<Imported> {
  const args = ['roles', 'import', source, '--name', 'app', '--json', '--', ...settings]
  const { stdout, stderr, status } = await runDockgate(args, {})
  assert.notEqual(status, 2, stderr)
  const said: Imported = JSON.parse(stdout)
  assert.equal(status, said.notCarried.length === 0 ? 0 : 1)
  assert.ok('file' in parseRoles(said.yaml, 'roles.yaml'), said.yaml)
  return said
}

describe('dockgate roles presets', () => {
  it('lists them with what each allows, as an array too', async () => {
    const { stdout } = await runDockgate(['roles', 'presets', '--json'], {})
    const rows: { name: string; allows: string[] }[] = JSON.parse(stdout)
    const traefik = rows.find(({ name }) => name === 'preset:traefik')
    assert.deepEqual(traefik?.allows, ['container.inspect', 'container.ls', 'system.events'])
    const { stdout: text } = await runDockgate(['roles', 'presets'], {})
    assert.match(text, /^preset:traefik {2}\(on all\)/m)
  })
})

describe('dockgate roles import', () => {
  it('reads of Tecnativa a section without POST as reading', async () => {
    const { allow, notCarried } = await imported('tecnativa', 'NETWORKS=1', 'EVENTS=0', 'POST=0')
    assert.deepEqual(allow, ['network.inspect', 'network.ls'])
    assert.deepEqual(notCarried, [])
  })

  it('opens the exceptions of Tecnativa without POST', async () => {
    const { allow } = await imported('tecnativa', 'EVENTS=0', 'ALLOW_RESTARTS=1')
    assert.deepEqual(allow, ['container.kill', 'container.restart', 'container.stop'])
  })

  it('gives no attach for a GET of the websocket, and says so', async () => {
    const { allow, notCarried } = await imported('tecnativa', 'CONTAINERS=1', 'POST=0')
    assert.ok(!allow.includes('container.attach') && !allow.includes('container.create'))
    assert.ok(allow.includes('container.logs'))
    assert.deepEqual(notCarried, ['GET /containers/{id}/attach/ws: it needs container.attach, which allows more']) // prettier-ignore
  })

  it('pulls and does not import where Tecnativa lets both', async () => {
    const { allow, notCarried } = await imported('tecnativa', 'IMAGES=1', 'POST=1')
    assert.ok(allow.includes('image.pull') && !allow.includes('image.import'))
    assert.match(notCarried.join(), /image\.import is not given/)
  })

  it('names what it does not know', async () => {
    const { notCarried } = await imported('tecnativa', 'LOG_LEVEL=debug', 'containers=1')
    assert.equal(notCarried.length, 2)
  })

  it('reads the families of docker-proxy-acl', async () => {
    const { allow, notCarried } = await imported('docker-proxy-acl', '-a', 'containers', '-a', 'info', '-a', 'moon') // prettier-ignore
    assert.deepEqual(allow, ['container.inspect', 'container.ls', 'system.info'])
    assert.deepEqual(notCarried, ['moon: not known here'])
  })

  it('reads the patterns of wollomatic by method, anchored at both ends', async () => {
    const patterns = ['-allowGET=/v1\\..{1,2}/(containers/json|info)', '-allowPOST=/v1\\..*/containers/.*/restart', '-allowDELETE=/containers'] // prettier-ignore
    const { allow, notCarried } = await imported('wollomatic', ...patterns)
    assert.deepEqual(allow, ['container.ls', 'container.restart', 'system.info'])
    assert.deepEqual(notCarried, [])
  })

  it('does not give for all names what wollomatic allows for one', async () => {
    const { allow, notCarried } = await imported('wollomatic', '-allowPOST=.*/containers/web/stop')
    assert.deepEqual(allow, [])
    assert.deepEqual(notCarried, ['POST /containers/{id}/stop: allowed there for some names only'])
  })

  it('refuses a source that it does not know, with the nearest', async () => {
    const { status, stderr } = await runDockgate(['roles', 'import', 'tecnativ', '--', 'A=1'], {})
    assert.equal(status, 2)
    assert.match(stderr, /did you mean tecnativa\?/)
  })
})
