// People with certificates and roles at one gateway, who ask it for things as raw requests.
import assert from 'node:assert/strict'
import type { Identity } from './authority.ts'
import { CN, O, OU, rdn, sequence } from './certificate-der.ts'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { askDoor, type Door, type RawAnswer } from './raw-http.ts'

export interface People {
  readonly gateway: GatewayProcess
  /** `line` is `GET /path`; a body that is no string and no bytes goes as JSON. */
  ask(this: void, who: string, line: string, body?: unknown): Promise<RawAnswer>
  /** The same, for what must work: the answer's JSON. */
  must<T = { readonly Id: string }>(
    this: void,
    who: string,
    line: string,
    body?: unknown,
  ): Promise<T>
  stop(): Promise<void>
}

/** `roles` is the text of roles.yaml; `units` says who is in which unit of one organization. */
export async function startPeople(
  roles: string,
  enginePath?: string,
  units: Readonly<Record<string, string>> = {},
): Promise<People> {
  const gateway = await startGatewayProcess({
    roles,
    ...(enginePath === undefined ? {} : { enginePath }),
  })
  const doors = new Map<string, Door>()
  const identityOf = (who: string): Identity => {
    const unit = units[who]
    if (unit === undefined) return gateway.identity(who)
    const subject = sequence(rdn(O, 'Example'), rdn(OU, unit), rdn(CN, who))
    return gateway.authority.issue({ subject })
  }

  async function ask(who: string, line: string, body?: unknown): Promise<RawAnswer> {
    const door = doors.get(who) ?? gateway.door(identityOf(who))
    doors.set(who, door)
    const [method = '', path = ''] = line.split(' ')
    if (body === undefined) return askDoor(door, { method, path })
    const isBytes = typeof body === 'string' || Buffer.isBuffer(body)
    const type = isBytes ? 'application/x-tar' : 'application/json'
    const sent = isBytes ? body : JSON.stringify(body)
    return askDoor(door, { method, path, headers: { 'Content-Type': type }, body: sent })
  }

  return {
    gateway,
    ask,
    async must<T>(who: string, line: string, body?: unknown): Promise<T> {
      const answer = await ask(who, line, body)
      const text = answer.body.toString()
      assert.ok(answer.status < 300, `${who}: ${line}: ${answer.status} ${text}`)
      return text === '' ? (null as T) : (JSON.parse(text) as T)
    },
    stop: () => gateway.stop(),
  }
}

/** `?filters=` with these. */
export function filtersOf(filters: Readonly<Record<string, readonly string[]>>): string {
  return `filters=${encodeURIComponent(JSON.stringify(filters))}`
}
