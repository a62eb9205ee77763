// The console in a real browser with a real client certificate, and what it sends to whom.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { exportPkcs12 } from '../../src/ca/export-pkcs12.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { startBrowser, type Browser, type Tab } from '../helpers/browser.ts'
import { createStore, temporaryFolder } from '../helpers/ca-store.ts'
import { runDockgate, serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { askBundle, openBundle } from '../helpers/bundle-door.ts'

const roles = `roles:
  mate: { allow: [system.events, container.ls, dockgate.sessions, dockgate.end, dockgate.decisions, dockgate.roles, dockgate.certificates], on: team }
  watcher: { allow: [dockgate.status], on: all, limits: { memory: 2GiB } }
  lender: { allow: [dockgate.grant], on: all, mayGrant: { watcher: 1h } }
  tried: { allow: [container.ls], mode: trial }
grants:
  - { to: { name: boss }, roles: [admin, lender] }
  - { to: { unit: dev }, roles: [mate] }
  - { to: { name: watcher }, roles: [watcher, tried], until: 2099-01-01T00:00:00Z }
`
const password = 'correct horse'
const hostile = '<img src=x onerror=alert(1)>"\u202e'
const folder = temporaryFolder()
const home = join(folder, 'home')
const enginePath = join(folder, 'engine.sock')
const engine = createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json')
  if (request.url?.includes('/events') === true) response.write('{}\n')
  else response.end('{"Version":"20.10.24","ApiVersion":"1.41","Id":"x"}')
})
let gateway: Serving
const browsers = new Map<string, Browser>()
const pages = 'sessions decisions denials roles certificates health'.split(' ')
const root = (): string => `https://localhost:${gateway.port}/_dockgate/`
const at = (page: string): string => `${root()}${page === '' ? '' : `console/${page}`}`
const bundle = (name: string): string => join(home, 'certs/clients', name)
const ask = (name: string, path: string, method = 'GET', headers = {}) =>
  askBundle(gateway.port, bundle(name), { path, method, headers })

before(async () => {
  mkdirSync(home)
  const store = await createStore({ folder: join(home, 'certs') })
  await issueServer(store, { names: ['localhost'], ips: ['127.0.0.1'] })
  const people = { boss: undefined, alice: 'dev', carl: 'dev', olga: 'ops', watcher: undefined }
  for (const [name, unit] of Object.entries(people)) {
    await issueClient(store, { name, ...(unit && { unit, org: 'Example' }) })
    if (name === 'boss' || name === 'alice') await exportPkcs12(store.folder, name, password)
  }
  writeFileSync(join(home, 'roles.yaml'), roles)
  await once(engine.listen(enginePath), 'listening')
  const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: `unix://${enginePath}` }
  gateway = await serveDockgate(['serve'], { ...env, DOCKGATE_LISTEN: '127.0.0.1:0' })
})
after(async () => {
  for (const browser of browsers.values()) await browser.close()
  await gateway.stop()
  engine.closeAllConnections()
  engine.close()
})

async function tabOf(name: string): Promise<Tab> {
  const certificate = {
    file: join(bundle(name), `${name}.p12`),
    password,
    authority: join(home, 'certs/ca.pem'),
  }
  const browser = browsers.get(name) ?? (await startBrowser(certificate))
  browsers.set(name, browser)
  return browser.open()
}

/** For whoever wants to look at them: DOCKGATE_SHOTS names a folder. */
async function shoot(tab: Tab, name: string): Promise<void> {
  const shots = process.env['DOCKGATE_SHOTS']
  if (shots !== undefined) writeFileSync(join(shots, `${name}.png`), await tab.screenshot())
}

describe('the pages', () => {
  const rights: Readonly<Record<string, readonly string[]>> = {
    boss: pages,
    alice: ['sessions', 'decisions', 'denials', 'roles', 'certificates'],
    watcher: ['health'],
    olga: [],
  }
  for (const [name, may] of Object.entries(rights)) {
    it(`${name} gets ${may.join(', ') || 'none but their own'}`, async () => {
      assert.equal((await ask(name, '/_dockgate/')).status, 200)
      for (const page of pages) {
        const { status, body } = await ask(name, `/_dockgate/console/${page}`)
        assert.equal(status, may.includes(page) ? 200 : 403, `${page}: ${body}`)
      }
      const { body } = await ask(name, '/_dockgate/')
      const links = [...body.matchAll(/href="\/_dockgate\/console\/([a-z]+)"/g)].map(
        ([, page]) => page,
      )
      assert.deepEqual(links, may)
    })
  }

  it('come with a policy that lets in nothing from elsewhere and nothing within a page', async () => {
    for (const path of [
      '',
      'console/sessions',
      'console/style.css',
      'console/script.js',
      'console/icon.svg',
    ]) {
      const { headers, body } = await ask('boss', `/_dockgate/${path}`)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none'; /)
      assert.doesNotMatch(policy, /unsafe|data:|\*/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['cache-control'], 'no-store')
      assert.doesNotMatch(body, /<script>|<style>| style=| on[a-z]+=/)
    }
  })

  it('show their own to whoever reaches their own', async () => {
    await ask('boss', '/containers/of-the-boss/json')
    await ask('carl', '/containers/of-carl/logs')
    const { body } = await ask('alice', '/_dockgate/console/decisions')
    assert.match(body, /of-carl/)
    assert.doesNotMatch(body, /of-the-boss|<strong>boss/)
    const issued = (await ask('alice', '/_dockgate/console/certificates')).body
    assert.match(issued, /<strong>carl/)
    assert.doesNotMatch(issued, /<strong>(boss|olga|watcher)/)
    const granted = (await ask('alice', '/_dockgate/console/roles')).body
    assert.match(granted, /unit=dev/)
    assert.doesNotMatch(granted, /<strong>admin|watcher/)
    assert.doesNotMatch((await ask('alice', '/_dockgate/console/denials')).body, /boss/)
  })

  it('tell what is on trial', async () => {
    assert.match((await ask('watcher', '/_dockgate/')).body, /which gives no right:\s+tried/)
    assert.match((await ask('boss', '/_dockgate/console/roles')).body, /on trial/)
  })

  it('show a temporary right, and what it gives, to whoever has it', async () => {
    const env = { DOCKER_HOST: `tcp://localhost:${gateway.port}`, DOCKER_CERT_PATH: bundle('boss') }
    const why = ['--for', '30m', '--reason', '<b>INC-7']
    const { status, stderr } = await runDockgate(['grant', 'olga', 'watcher', ...why], env)
    assert.equal(status, 0, stderr)
    const { body } = await ask('olga', '/_dockgate/')
    assert.match(body, /console\/health/)
    assert.match(body, /&lt;b&gt;INC-7/)
    assert.equal((await ask('olga', '/_dockgate/console/health')).status, 200)
    assert.match((await ask('boss', '/_dockgate/console/roles')).body, /&lt;b&gt;INC-7/)
    assert.doesNotMatch((await ask('alice', '/_dockgate/console/roles')).body, /INC-7/)
  })

  it('filter what was decided', async () => {
    const decisions = async (query: string): Promise<string> =>
      (await ask('boss', `/_dockgate/console/decisions?${query}`)).body
    assert.doesNotMatch(await decisions('who=carl'), /<strong>boss/)
    assert.match(await decisions('who=carl&denied=1'), /not-permitted/)
    assert.doesNotMatch(await decisions('denied=1'), />allowed</)
    assert.match(await decisions('what=container.*&span=1h'), /of-carl/)
    assert.match(await decisions('what=nothing+like+this'), /Nothing that fits/)
  })

  it('write what a client says as text, wherever it stands', async () => {
    const text = encodeURIComponent(hostile.replace('\u202e', ''))
    await ask('boss', `/containers/${text}/json`)
    await ask('boss', `/nonsense/${text}`)
    for (const page of ['decisions', `decisions?who=${text}&what=${text}`, 'denials']) {
      const { body } = await ask('boss', `/_dockgate/console/${page}`)
      assert.doesNotMatch(body, /<img src=x/)
    }
  })
})

describe('in the browser', () => {
  it('every page is there, with no complaint, in every size and light, and none is wider than the screen', async () => {
    const tab = await tabOf('boss')
    for (const page of ['', ...pages]) {
      await tab.goto(at(page))
      assert.equal(await tab.evaluate('document.querySelectorAll("h1").length'), 1)
      for (const width of [360, 1280]) {
        for (const dark of [false, true]) {
          await tab.look({ width, height: 800, dark })
          const wide = await tab.evaluate<number>('document.documentElement.scrollWidth')
          assert.ok(wide <= width, `${page} is ${wide} wide at ${width}`)
          assert.deepEqual(
            await tab.evaluate(weak),
            [],
            `${page} ${width} ${dark ? 'dark' : 'light'}`,
          )
          await shoot(tab, `${page || 'you'}-${width}-${dark ? 'dark' : 'light'}`)
        }
      }
      assert.deepEqual(await tab.evaluate(unnamed), [], page)
    }
    assert.deepEqual(tab.complaints, [])
  })

  it('the first stop of the keyboard leads past the navigation', async () => {
    const tab = await tabOf('boss')
    await tab.goto(at(''))
    await tab.press('Tab')
    assert.equal(await tab.evaluate('document.activeElement.className'), 'skip')
    assert.ok(
      (await tab.evaluate<number>('document.activeElement.getBoundingClientRect().left')) >= 0,
    )
    await tab.press('Enter')
    assert.equal(await tab.evaluate('document.activeElement.id'), 'main')
  })

  it('a session is ended by keyboard, with a reason that is on record', async () => {
    const stream = await openBundle(gateway.port, bundle('carl'))
    stream.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(stream, 'data')
    const tab = await tabOf('alice')
    await tab.goto(at('sessions'))
    assert.match(await tab.evaluate('document.querySelector("tbody").innerText'), /carl/)
    for (const width of [360, 1280]) {
      await tab.look({ width, height: 800, dark: width === 360 })
      await shoot(tab, `sessions-live-${width}`)
    }
    await tab.evaluate('document.querySelector("[data-end]").focus()')
    await tab.press('Enter')
    assert.equal(await tab.evaluate('document.querySelector("dialog").open'), true)
    assert.equal(await tab.evaluate('document.activeElement.id'), 'reason')
    await shoot(tab, 'ending')
    await tab.press('Escape')
    assert.equal(await tab.evaluate('document.activeElement.dataset.end !== undefined'), true)
    await tab.press('Enter')
    await tab.evaluate('document.getElementById("reason").value = "time for bed"')
    await tab.evaluate('document.querySelector("button.danger").focus()')
    const closed = once(stream, 'close')
    await tab.press('Enter')
    await closed
    await tab.evaluate(
      'new Promise((done) => { const look = () => document.getElementById("said").textContent ? done() : setTimeout(look, 20); look() })',
    )
    assert.match(
      await tab.evaluate('document.getElementById("said").textContent'),
      /carl.* was ended/,
    )
    const { body } = await ask('boss', '/_dockgate/console/decisions?who=alice&what=dockgate.end')
    assert.match(body, /allowed/)
    assert.deepEqual(tab.complaints, [])
  })

  it('a page of another site can make it do nothing', async () => {
    const stream = await openBundle(gateway.port, bundle('carl'))
    stream.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(stream, 'data')
    const [id] = JSON.parse((await ask('boss', '/_dockgate/sessions')).body).map(
      (row: { id: string }) => row.id,
    )
    const evil = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.end('<!doctype html><title>evil</title>')
    })
    await once(evil.listen(0, '127.0.0.1'), 'listening')
    const { port } = evil.address() as { port: number }
    const tab = await tabOf('boss')
    await tab.goto(`http://localhost:${port}/`)
    const gate = `https://localhost:${gateway.port}`
    const tries = [
      `fetch('${gate}/containers/of-evil/stop', {method: 'POST', mode: 'no-cors', credentials: 'include'})`,
      `fetch('${gate}/_dockgate/sessions/${id}', {method: 'DELETE', credentials: 'include', headers: {'X-Dockgate-Console': '1'}})`,
      `fetch('${gate}/containers/of-evil/logs', {mode: 'no-cors', credentials: 'include'})`,
      `new Promise((done, fail) => { const socket = new WebSocket('${gate.replace('https', 'wss')}/containers/of-evil/attach/ws?stream=1'); socket.onopen = done; socket.onerror = () => fail(new Error('no')) })`,
      `new Promise((done) => { const frame = document.createElement('iframe'); frame.src = '${gate}/_dockgate/console/sessions'; frame.onload = done; document.body.append(frame) })`,
    ]
    const outcomes: string[] = []
    for (const attempt of tries) {
      outcomes.push(
        await tab.evaluate<string>(
          `${attempt}.then((value) => value?.type ?? 'done', (error) => 'failed')`,
        ),
      )
    }
    assert.deepEqual(outcomes.slice(1, 2), ['failed'])
    assert.equal(outcomes[3], 'failed')
    const { body } = await ask('boss', '/_dockgate/console/decisions?what=of-evil')
    assert.doesNotMatch(body, />allowed</)
    assert.match(body, /another site/)
    assert.ok(!stream.destroyed)
    stream.destroy()
    evil.closeAllConnections()
    evil.close()
  })
})

/** Texts with less contrast than WCAG 2.2 AA asks for, as far as plain backgrounds tell. */
const weak = `(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor)
      if (color.length === 3 || color[3] > 0) return color
    }
    return [255, 255, 255]
  }
  const found = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
    const style = getComputedStyle(element)
    if (!own || element.closest('.unseen, svg, dialog:not([open]), noscript') || style.display === 'none') continue
    const [one, other] = [luminance(parse(style.color)), luminance(behind(element))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (ratio < 4.5) found.push(element.tagName + ' ' + element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2))
  }
  return [...new Set(found)]
})()`

/** Controls without a name, ids that stand twice, headings that skip a level. */
const unnamed = `(() => {
  const found = []
  for (const input of document.querySelectorAll('input, select')) {
    if (input.labels.length === 0) found.push('no label: ' + input.outerHTML)
  }
  for (const one of document.querySelectorAll('a, button')) {
    if (one.textContent.trim() === '') found.push('no name: ' + one.outerHTML)
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push('twice: ' + id)
  for (const one of document.querySelectorAll('img:not([alt]), table:not(:has(caption)), section:not([aria-labelledby])')) {
    found.push(one.outerHTML.slice(0, 60))
  }
  return found
})()`
