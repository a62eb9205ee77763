// The corpus of attacks and of their benign twins: reads it, sets the scene that an entry needs, plays
// it through a door, and sees on the engine itself whether it had its effect.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hadEffect, twinHadEffect, type Check } from './corpus-effect.ts'
import { askEngine, onEngine, projectRoot, removeAll } from './engine.ts'
import { startHitServer, type HitServer } from './hit-server.ts'
import { RawConnection, askDoor, requestBytes, type Door, type RawAnswer } from './raw-http.ts'

export interface Entry {
  readonly id: string
  readonly group: string
  readonly expect: 'deny' | 'allow'
  readonly effect: string
  readonly needs: readonly string[]
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly rawBody?: string
  /** The bytes to send instead of those made of method, path, headers and body. */
  readonly rawRequest?: string
  /** Bytes sent on the same connection once the first answer is there. */
  readonly followUp?: string
  readonly check?: Check
  /** `gateway-only`: would hurt the engine, so it is never sent to it directly. */
  readonly replay: 'safe' | 'gateway-only'
  /** Whether the effect was seen on a real engine. */
  readonly seen: boolean
}

export const corpus: readonly Entry[] = JSON.parse(
  readFileSync(join(projectRoot, 'test/fixtures/attacks.json'), 'utf8'),
)

/** Who plays: the attacker, and the victim to whom other things belong. */
export interface Cast {
  readonly own: Player
  readonly victim: Player
}

export interface Player {
  readonly door: Door
  /** Where their things are made. */
  readonly workshop: Door
  /** The labels by which a thing made behind the gateway's back belongs to them. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Outcome {
  readonly answer: RawAnswer | undefined
  readonly effect: boolean
  /** Ids of the containers of the entry's own image that there are now: nobody else makes such. */
  readonly created: readonly string[]
}

/** Plays one entry and leaves nothing behind. */
export async function play(entry: Entry, cast: Cast): Promise<Outcome> {
  const scene = new Scene(cast)
  try {
    await scene.set(entry)
    return await scene.play(scene.fill(entry))
  } finally {
    await scene.strike()
  }
}

class Scene {
  readonly #cast: Cast
  // Six hex digits make the image's name as long as "busybox:local", for which some entries have
  // written their lengths down.
  readonly #tag = `c${randomBytes(3).toString('hex')}`
  readonly #image = `${this.#tag}:local`
  readonly #values = new Map<string, string>([
    ['tag', this.#tag],
    ['image', this.#image],
  ])
  readonly #ids = new Map<string, string>()
  #canary: string | undefined
  #server: HitServer | undefined

  constructor(cast: Cast) {
    this.#cast = cast
  }

  async set(entry: Entry): Promise<void> {
    await onEngine(`/images/busybox:local/tag?repo=${this.#tag}&tag=local`, { method: 'POST' })
    if (JSON.stringify(entry).includes('{{canary}}')) {
      this.#canary = mkdtempSync(join(tmpdir(), `${this.#tag}-canary-`))
      this.#values.set('canary', this.#canary)
    }
    for (const need of entry.needs) await this.#meet(need)
  }

  /** The entry with the names of this scene in it. */
  fill(entry: Entry): Entry {
    const text = JSON.stringify(entry).replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = this.#values.get(name)
      if (value === undefined) throw new Error(`${entry.id}: nothing sets {{${name}}}`)
      return value
    })
    return JSON.parse(text)
  }

  async play(entry: Entry): Promise<Outcome> {
    const connection = await RawConnection.open(this.#cast.own.door)
    try {
      connection.send(entry.rawRequest ?? bytesOf(entry))
      const answer = await connection.answer(entry.method)
      let second: RawAnswer | undefined
      if (entry.followUp !== undefined && answer !== undefined) {
        connection.send(entry.followUp)
        second = await connection.answer('POST')
      }
      const hits = this.#server?.hits ?? []
      const created = await this.#created()
      const played = { answer, second, created, ids: this.#ids, hits }
      const effect =
        entry.expect === 'allow'
          ? await twinHadEffect(entry, played)
          : await hadEffect(entry.check, played)
      return { answer, effect, created }
    } finally {
      connection.close()
    }
  }

  async strike(): Promise<void> {
    for (const id of await this.#created()) {
      await askEngine(`/containers/${id}?force=1&v=1`, { method: 'DELETE' })
    }
    await removeAll(this.#tag)
    await this.#server?.close()
    if (this.#canary !== undefined) rmSync(this.#canary, { recursive: true })
  }

  async #meet(need: string): Promise<void> {
    const [kind = '', argument = ''] = need.split(':')
    const { own, victim } = this.#cast
    if (kind === 'own-running') await this.#run('own', own)
    else if (kind === 'own-stopped') await this.#make('ownStopped', own)
    else if (kind === 'victim-running') await this.#run('victim', victim)
    else if (kind === 'own-volume') await this.#volume(argument.replaceAll('{{tag}}', this.#tag))
    else if (kind === 'victim-network') await this.#network('victimNet')
    else if (kind === 'victim-exec') await this.#exec()
    else if (kind === 'own-linked-to-victim') await this.#link()
    else if (kind === 'hit-server') await this.#listen()
    else if (kind === 'stopped') {
      const [name = '', value = ''] = argument.replaceAll('{{tag}}', this.#tag).split('=')
      await this.#make('grpvictim', victim, { [name]: value })
    } else throw new Error(`unknown need: ${need}`)
  }

  async #make(as: string, player: Player, labels: object = {}): Promise<string> {
    const name = `${this.#tag}-${as.toLowerCase()}`
    // Not of the entry's own image, so that what an attack creates is told apart.
    const body = { Image: 'busybox:local', Cmd: ['sleep', '600'], Labels: labels }
    const path = `/containers/create?name=${name}`
    const made = await must<{ Id: string }>(player.workshop, 'POST', path, body)
    this.#values.set(as, name).set(`${as}Id`, made.Id).set(`${as}Id12`, made.Id.slice(0, 12))
    this.#ids.set(as, made.Id)
    return made.Id
  }

  async #run(as: string, player: Player): Promise<string> {
    const id = await this.#make(as, player)
    await must(player.workshop, 'POST', `/containers/${id}/start`)
    return id
  }

  async #volume(name: string): Promise<void> {
    await must(this.#cast.own.workshop, 'POST', '/volumes/create', { Name: name })
  }

  async #network(as: string): Promise<void> {
    const Name = `${this.#tag}-${as.toLowerCase()}`
    await must(this.#cast.victim.workshop, 'POST', '/networks/create', { Name })
    this.#values.set(as, Name)
  }

  async #exec(): Promise<void> {
    const id = await this.#run('victim', this.#cast.victim)
    const body = { Cmd: ['true'] }
    const made = await must<{ Id: string }>(
      this.#cast.victim.workshop,
      'POST',
      `/containers/${id}/exec`,
      body,
    )
    this.#values.set('victimExec', made.Id)
  }

  /** Made behind the gateway's back, which would refuse the link: the alias exists all the same. */
  async #link(): Promise<void> {
    await this.#run('victim', this.#cast.victim)
    const body = {
      Image: 'busybox:local',
      Cmd: ['sleep', '600'],
      Labels: this.#cast.own.labels,
      HostConfig: { Links: [`${this.#values.get('victim')}:v`] },
    }
    const name = `${this.#tag}-ownlinker`
    const ask = { method: 'POST', body }
    const made = await onEngine<{ Id: string }>(`/containers/create?name=${name}`, ask)
    await onEngine(`/containers/${made.Id}/start`, { method: 'POST' })
    this.#values.set('ownLinker', name)
  }

  async #listen(): Promise<void> {
    this.#server = await startHitServer()
    this.#values.set('hitPort', String(this.#server.port))
  }

  async #created(): Promise<readonly string[]> {
    type Row = { readonly Id: string; readonly Image: string }
    const rows = await onEngine<readonly Row[]>('/containers/json?all=1')
    return rows.filter((row) => row.Image === this.#image).map((row) => row.Id)
  }
}

function bytesOf(entry: Entry): string {
  const { method, path, headers, rawBody } = entry
  const ask = { method, path, headers }
  return requestBytes(rawBody === undefined ? ask : { ...ask, body: rawBody })
}

async function must<T = unknown>(
  door: Door,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const answer = await askDoor(door, {
    method,
    path,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  })
  const text = answer.body.toString()
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return JSON.parse(text === '' ? 'null' : text)
}
