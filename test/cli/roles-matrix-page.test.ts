// The page of who may do what in a real browser, opened from disk as a person does.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startBrowser, type Browser, type Tab } from '../helpers/browser.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

const home = mkdtempSync(join(tmpdir(), 'dockgate-matrix-'))
after(() => rmSync(home, { recursive: true, force: true }))
writeFileSync(
  join(home, 'roles.yaml'),
  `roles:
  app-developer: { includes: [developer], deny: [container.export], limits: { images: ['registry.example.com/**'], memory: 2GiB, binds: [{ source: /srv/shared, readOnly: true }] } }
  next: { mode: trial, allow: [container.ls], on: all }
grants:
  - { to: { unit: '<script>alert(1)</script>"&', org: Example }, roles: [app-developer, next] }
  - { to: { name: alice }, roles: [operator], from: [192.0.2.0/24], until: 2027-01-31T18:00:00Z }
  - { to: { name: root }, roles: [admin] }
`,
)
const env = { DOCKGATE_HOME: home }
const file = join(home, 'matrix.html')
const folder = process.env['DOCKGATE_TEST_PICTURES']

describe('the page of who may do what', { timeout: 180_000 }, () => {
  let browser: Browser
  let page: Tab
  before(async () => {
    const { stdout, stderr, status } = await runDockgate(['roles', 'matrix', '--html'], env)
    assert.equal(status, 0, stderr)
    writeFileSync(file, stdout)
    browser = await startBrowser()
    page = await browser.open()
    await page.goto(`file://${file}`)
  })
  after(() => browser.close())

  /** Kept where somebody wants to look at them. */
  async function keep(name: string): Promise<void> {
    if (folder !== undefined) writeFileSync(join(folder, `${name}.png`), await page.screenshot())
  }
  const shown = (selector: string): Promise<number> =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].filter((one) => one.checkVisibility()).length`) // prettier-ignore
  const reset = (): Promise<unknown> =>
    page.evaluate(`for (const one of document.querySelectorAll('.filter input, .filter select')) { one.value = ''; one.checked = false; one.dispatchEvent(new Event('input', { bubbles: true })) }`) // prettier-ignore

  it('asks nothing of any network, and runs no script but its own', async () => {
    const asked = await page.evaluate<string[]>('performance.getEntriesByType("resource").map(({ name }) => name)') // prettier-ignore
    assert.deepEqual(asked, [])
    assert.deepEqual(page.complaints, [])
    const ran = await page.evaluate<boolean>(`new Promise((resolve) => {
      const script = document.createElement('script')
      script.textContent = 'window.foreign = true'
      document.body.append(script)
      setTimeout(() => resolve(window.foreign === true), 50)
    })`)
    assert.equal(ran, false)
    assert.match(page.complaints.join('\n'), /Content Security Policy/)
  })

  it('shows what operators wrote as text', async () => {
    assert.equal(await page.evaluate('document.querySelectorAll("script").length'), 2)
    const said = await page.evaluate<string>(
      'document.querySelector(".grants tbody th").textContent',
    )
    assert.equal(said, 'org=Example, unit=<script>alert(1)</script>"&')
  })

  it('says of each role what it reaches, its limits in words, and who has it', async () => {
    const card = await page.evaluate<string>(
      'document.getElementById("role-app-developer").innerText',
    )
    assert.match(card, /registry\.example\.com\/\*\*/)
    assert.match(card, /memory 2 GiB/)
    assert.match(card, /binds \/srv\/shared read-only/)
    assert.match(card, /reaches\s+what they made/)
    assert.match(await page.evaluate('document.getElementById("role-admin").innerText'), /root on the host/) // prettier-ignore
    assert.match(await page.evaluate('document.getElementById("role-next").innerText'), /on trial: decides nothing/) // prettier-ignore
  })

  it('filters operations by words as they are typed, and tells how many are left', async () => {
    await page.evaluate('document.getElementById("filter").focus()')
    await page.type('container delete')
    const names = 'tbody tr:not(.group) .name'
    assert.equal(await shown(names), 2)
    assert.match(
      await page.evaluate('document.getElementById("found").value'),
      /^2 of \d+ operations$/,
    )
    assert.equal(await shown('tr.group'), 2)
    await keep('filtered')
    await reset()
    assert.ok((await shown(names)) > 100)
  })

  it('shows what one role may, and nothing of the others', async () => {
    await page.evaluate(`const one = document.getElementById('role'); one.value = [...one.options].find(({ text }) => text === 'next').value; document.getElementById('used').checked = true; one.dispatchEvent(new Event('input', { bubbles: true }))`) // prettier-ignore
    // What everybody may, and its one permission.
    assert.equal(await shown('tbody tr:not(.group) .name'), 4)
    assert.equal(await shown('.operations thead th'), 2)
    await reset()
  })

  it('is walked with the keyboard, and every control has a name', async () => {
    await page.evaluate('document.activeElement.blur()')
    const walked = new Set<string>()
    for (let step = 0; step < 12; step++) {
      await page.press('Tab')
      walked.add(await page.evaluate('document.activeElement.id || document.activeElement.className || document.activeElement.tagName')) // prettier-ignore
    }
    for (const control of ['filter', 'role', 'used', 'scroll']) assert.ok(walked.has(control), [...walked].join()) // prettier-ignore
    interface Node {
      readonly role?: { readonly value: string }
      readonly name?: { readonly value: string }
    }
    const tree = await page.ask<{ nodes: readonly Node[] }>('Accessibility.getFullAXTree')
    const { nodes } = tree
    const controls = nodes.filter(({ role }) => ['searchbox', 'combobox', 'checkbox', 'region', 'table'].includes(role?.value ?? '')) // prettier-ignore
    assert.ok(controls.length >= 5)
    for (const { role, name } of controls) {
      if (role?.value !== 'table') assert.notEqual(name?.value ?? '', '', role?.value)
    }
  })

  it('is readable on a light and on a dark screen, and on paper', async () => {
    /** Of the contrast between text and what is behind it (WCAG 2), the least on the page. */
    const contrast = `(() => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
      const parse = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data] }
      const light = (rgb) => { const [r, g, b] = rgb.slice(0, 3).map((v) => { const c = v / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
      const behind = (one) => { for (let at = one; at; at = at.parentElement) { const color = parse(getComputedStyle(at).backgroundColor); if (color[3] > 0) return color } return [255, 255, 255] }
      const found = [...document.querySelectorAll('h1, h2, h3, p, th, td, dt, dd, .cell, .tag, a, label, output')].filter((one) => one.checkVisibility()).map((one) => { const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))]; return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) })
      return Math.min(...found)
    })()` // prettier-ignore
    for (const scheme of ['light', 'dark']) {
      await page.look({ width: 1280, height: 900, dark: scheme === 'dark' })
      assert.ok((await page.evaluate<number>(contrast)) >= 4.5, scheme)
      await keep(scheme)
    }
    const pdf = await page.print()
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
    if (folder !== undefined) writeFileSync(join(folder, 'print.pdf'), pdf)
    assert.equal(await shown('.filter'), 0)
    assert.equal(await page.evaluate('getComputedStyle(document.querySelector(".scroll")).overflow'), 'visible') // prettier-ignore
  })
})
