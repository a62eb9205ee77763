// A gateway with small limits before an engine that does nothing, and what tests of floods ask of both.
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { startIdleEngine, type IdleEngine } from './idle-engine.ts'
import { askDoor, RawConnection, type RawAnswer } from './raw-http.ts'

export interface CrowdedGateway {
  readonly gateway: GatewayProcess
  readonly engine: IdleEngine
  open(name: string): Promise<RawConnection>
  ask(name: string, path: string, method?: string): Promise<RawAnswer>
  /** The value of a line of the metrics; 0 where there is none. */
  metric(line: string): Promise<number>
  shed(limit: string): Promise<number>
  residentBytes(): number
  stop(): Promise<void>
}

export async function startCrowdedGateway(
  roles: string,
  settings: string,
  workers = 1,
): Promise<CrowdedGateway> {
  const engine = await startIdleEngine()
  const env = { DOCKGATE_WORKERS: String(workers) }
  const gateway = await startGatewayProcess({ roles, settings, enginePath: engine.path, env })
  const ask = (name: string, path: string, method = 'GET'): Promise<RawAnswer> =>
    askDoor(gateway.door(gateway.identity(name)), { method, path })
  const metric = async (line: string): Promise<number> => {
    let answer = await ask('monitor', '/_dockgate/metrics')
    // Who looks often meets a limit, too.
    for (; answer.status === 429; answer = await ask('monitor', '/_dockgate/metrics')) {
      await sleep(100)
    }
    const text = answer.body.toString()
    const found = text.split('\n').find((one) => one.startsWith(`${line} `))
    return Number(found?.slice(line.length + 1) ?? 0)
  }
  return {
    gateway,
    engine,
    open: async (name) => new RawConnection(await gateway.connect(gateway.identity(name))),
    ask,
    metric,
    shed: (limit) => metric(`dockgate_shed_total{limit="${limit}"}`),
    residentBytes() {
      const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
    },
    async stop() {
      await gateway.stop()
      await engine.close()
    },
  }
}

export function closed(socket: Socket): Promise<undefined> {
  return new Promise((resolve) => socket.once('close', () => resolve(undefined)))
}

export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000
  while (!(await fact())) {
    if (Date.now() > end) throw new Error(`never: ${String(fact)}`)
    await sleep(10)
  }
}
