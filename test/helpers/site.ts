// A whole site as an operator runs it: a CA, a gateway before an engine that answers everything, and
// the signing endpoint, each a process of its own; and machines of people with homes of their own.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueServer } from '../../src/ca/issue-server.ts'
import type { Access } from '../../src/ca/open-issuer.ts'
import { createStore, temporaryFolder } from './ca-store.ts'
import { runDockgate, serveDockgate, type Ran, type Serving } from './dockgate-process.ts'
import { startFakeEngine, type FakeEngine } from './fake-engine.ts'

export interface Site {
  /** DOCKGATE_HOME of gateway and CA. */
  readonly home: string
  readonly store: Access
  readonly engine: FakeEngine
  readonly gateway: Serving
  readonly endpoint: Serving
  /** Of the endpoint. */
  readonly url: string
  /** `dockgate` for the operator. */
  run(...args: string[]): Promise<Ran>
  audit(): string
  stop(): Promise<void>
}

export async function startSite(
  files: Readonly<Record<string, string>> = {},
  endpointEnv: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const home = temporaryFolder()
  const store = await createStore({ folder: join(home, 'certs') })
  const engine = await startFakeEngine('alice')
  await issueServer(store, { names: ['localhost'], ips: ['127.0.0.1'] })
  for (const [name, text] of Object.entries({ 'roles.yaml': 'grants: []\n', ...files })) {
    writeFileSync(join(home, name), text)
  }
  const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: `unix://${engine.path}` }
  const gateway = await serveDockgate(['serve'], { ...env, DOCKGATE_LISTEN: '127.0.0.1:0' })
  await issueServer(store, { host: `tcp://localhost:${gateway.port}` })
  const listen = ['--listen', '127.0.0.1:0']
  const endpoint = await serveDockgate(['ca', 'serve', ...listen], { ...env, ...endpointEnv })
  return {
    home,
    store,
    engine,
    gateway,
    endpoint,
    url: `https://localhost:${endpoint.port}`,
    run: (...args) => runDockgate(args, { DOCKGATE_HOME: home }),
    audit: () => readFileSync(join(home, 'audit.log'), 'utf8'),
    async stop() {
      await endpoint.stop()
      await gateway.stop()
      await engine.close()
    },
  }
}

export interface Machine {
  readonly env: Readonly<Record<string, string>>
  /** Where `dockgate enroll` puts bundles. */
  readonly bundles: string
  run(...args: string[]): Promise<Ran>
}

/** A person's machine, with nothing on it yet. */
export function createMachine(): Machine {
  const home = temporaryFolder()
  const env = { HOME: home, DOCKER_CONFIG: join(home, '.docker') }
  mkdirSync(env.DOCKER_CONFIG)
  return {
    env,
    bundles: join(home, '.dockgate'),
    run: (...args) => runDockgate(args, env),
  }
}
