// A real Chromium without a window, spoken to over a pipe (Chrome DevTools Protocol), perhaps with a client
// certificate in a key store of its own. It lives in a mount namespace with its own policy, so that nothing
// of the machine's is changed.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export interface ClientCertificate {
  /** Path of a PKCS#12 file. */
  readonly file: string
  readonly password: string
  /** Path of the PEM of the authority, which is trusted for servers. */
  readonly authority: string
}

export interface Look {
  readonly width: number
  readonly height: number
  readonly dark: boolean
}

export interface Tab {
  goto(url: string): Promise<void>
  /** The value of an expression, which may be a promise, as JSON has it. */
  evaluate<T = unknown>(expression: string): Promise<T>
  look(look: Look): Promise<void>
  press(key: string): Promise<void>
  /** As if a person typed it where the focus is. */
  type(text: string): Promise<void>
  /** A PNG of the whole page. */
  screenshot(): Promise<Buffer>
  /** The page on paper; from then on it looks so. */
  print(): Promise<Buffer>
  /** A command of the browser's own protocol. */
  ask<T>(method: string, params?: object): Promise<T>
  /** What the browser complained of: errors of scripts, violations of the policy, failed requests. */
  readonly complaints: readonly string[]
}

export interface Browser {
  open(): Promise<Tab>
  close(): Promise<void>
}

const program = '/usr/bin/chromium'
const packages = ['chromium', 'libnss3-tools']

/** Debian's packages, where they are missing. */
function install(): void {
  if (existsSync(program) && existsSync('/usr/bin/pk12util')) return
  run('apt-get', ['install', '-y', '--no-install-recommends', ...packages])
}

function run(command: string, args: readonly string[], home?: string): void {
  const env = { ...process.env, ...(home === undefined ? {} : { HOME: home }) }
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', env })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

export async function startBrowser(certificate?: ClientCertificate): Promise<Browser> {
  install()
  const home = mkdtempSync(join(tmpdir(), 'dockgate-browser-'))
  const policies = join(home, 'managed')
  mkdirSync(policies)
  if (certificate !== undefined) {
    const store = `sql:${join(home, '.pki/nssdb')}`
    mkdirSync(join(home, '.pki/nssdb'), { recursive: true })
    run('certutil', ['-d', store, '-N', '--empty-password'])
    run('certutil', [
      '-d',
      store,
      '-A',
      '-n',
      'authority',
      '-t',
      'C,,',
      '-i',
      certificate.authority,
    ])
    run('pk12util', ['-d', store, '-i', certificate.file, '-W', certificate.password])
    const rule = JSON.stringify({ pattern: 'https://localhost:*', filter: {} })
    const policy = { AutoSelectCertificateForUrls: [rule] }
    writeFileSync(join(policies, 'test.json'), JSON.stringify(policy))
  }
  const flags = [
    '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking',
    '--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe',
  ]
  // The policy of the machine is not touched: the mount is of this process and its children alone.
  const inside = `mkdir -p /etc/chromium/policies && mount --bind "$0" /etc/chromium/policies && exec ${program} ${flags.join(' ')} --user-data-dir="$0/profile" about:blank`
  const child = spawn('unshare', ['--mount', 'sh', '-c', inside, home], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: home },
    detached: true,
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (said += part))
  // Not `close`: a helper of the browser that outlives it holds its pipes.
  const closed = once(child, 'exit')
  const wire = talk(child.stdio[3] as Writable, child.stdio[4] as unknown as Readable)
  const ended = closed.then(() => {
    throw new Error(`the browser ended:\n${said}`)
  })
  ended.catch(() => {})
  const ask = <T>(method: string, params: object = {}, session?: string): Promise<T> =>
    inTime(Promise.race([wire.ask<T>(method, params, session), ended]), method)
  return {
    async open() {
      const { targetId } = await ask<{ targetId: string }>('Target.createTarget', {
        url: 'about:blank',
      })
      const attach = { targetId, flatten: true }
      const { sessionId } = await ask<{ sessionId: string }>('Target.attachToTarget', attach)
      return openTab((method, params) => ask(method, params, sessionId), wire.hear(sessionId))
    },
    async close() {
      wire.ask('Browser.close', {}).catch(() => {})
      const late = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await closed
      clearTimeout(late)
      for (const stream of child.stdio) stream?.destroy()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A browser that hangs is an error, not a test that never ends. */
const patienceMs = 60_000

async function inTime<T>(answer: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the browser does not answer ${what}`)), patienceMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
  readonly error?: { readonly message: string }
}
type Hear = (method: string, act: (params: Readonly<Record<string, unknown>>) => void) => void

/** JSON messages with a zero between. */
function talk(to: Writable, from: Readable) {
  const waiting = new Map<number, { done: (value: never) => void; fail: (error: Error) => void }>()
  const listeners: ((message: Message) => void)[] = []
  let last = 0
  let rest = ''
  to.on('error', () => undefined)
  from.setEncoding('utf8').on('data', (part: string) => {
    const texts = (rest + part).split('\0')
    rest = texts.pop() ?? ''
    for (const text of texts) {
      const message = JSON.parse(text) as Message
      const asked = waiting.get(message.id ?? 0)
      waiting.delete(message.id ?? 0)
      if (message.error !== undefined) asked?.fail(new Error(message.error.message))
      else asked?.done(message.result as never)
      for (const listener of listeners) listener(message)
    }
  })
  return {
    ask<T>(method: string, params: object, sessionId?: string): Promise<T> {
      const id = (last += 1)
      to.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`)
      return new Promise((done, fail) => void waiting.set(id, { done, fail }))
    },
    hear:
      (sessionId: string): Hear =>
      (method, act) =>
        void listeners.push((message) => {
          if (message.sessionId === sessionId && message.method === method)
            act(message.params ?? {})
        }),
  }
}

async function openTab(
  ask: <T>(method: string, params?: object) => Promise<T>,
  hear: Hear,
): Promise<Tab> {
  const complaints: string[] = []
  const complain = (value: unknown): void => void complaints.push(JSON.stringify(value))
  hear('Log.entryAdded', ({ entry }) => complain(entry))
  hear('Runtime.exceptionThrown', ({ exceptionDetails }) => complain(exceptionDetails))
  hear('Network.loadingFailed', complain)
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await ask(`${domain}.enable`)
  let loaded = (): void => undefined
  hear('Page.loadEventFired', () => loaded())
  return {
    complaints,
    ask,
    async goto(url) {
      const done = new Promise<void>((resolve) => (loaded = resolve))
      const { errorText } = await ask<{ errorText?: string }>('Page.navigate', { url })
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`)
      await inTime(done, url)
    },
    async evaluate<T>(expression: string) {
      const how = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await ask<{
        result: { value: T }
        exceptionDetails?: object
      }>('Runtime.evaluate', how)
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return result.value
    },
    async look({ width, height, dark }) {
      const value = dark ? 'dark' : 'light'
      const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 }
      await ask('Emulation.setDeviceMetricsOverride', metrics)
      await ask('Emulation.setEmulatedMedia', {
        features: [
          { name: 'prefers-color-scheme', value },
          { name: 'prefers-reduced-motion', value: 'reduce' },
        ],
      })
    },
    async press(key) {
      const codes: Readonly<Record<string, number>> = { Enter: 13, Tab: 9, Escape: 27 }
      const how = {
        key,
        code: key,
        windowsVirtualKeyCode: codes[key],
        ...(key === 'Enter' && { text: '\r' }),
      }
      await ask('Input.dispatchKeyEvent', { type: 'keyDown', ...how })
      await ask('Input.dispatchKeyEvent', { type: 'keyUp', ...how })
    },
    type: (text) => ask<void>('Input.insertText', { text }),
    async print() {
      await ask('Emulation.setEmulatedMedia', { media: 'print', features: [] })
      const { data } = await ask<{ data: string }>('Page.printToPDF', { preferCSSPageSize: true })
      return Buffer.from(data, 'base64')
    },
    async screenshot() {
      const { data } = await ask<{ data: string }>('Page.captureScreenshot', {
        captureBeyondViewport: true,
      })
      return Buffer.from(data, 'base64')
    },
  }
}
