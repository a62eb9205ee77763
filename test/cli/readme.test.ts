import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { EndpointSettings } from '../../src/ca/endpoint/settings.ts'
import { serve } from '../../src/cli/ca-serve.ts'
import { loadEndpointSettings } from '../../src/cli/ca-settings.ts'
import { parseRoles } from '../../src/config/roles-file.ts'
import { safeLimits } from '../../src/policy/limits.ts'
import { builtinRoles } from '../../src/policy/builtin-roles.ts'

const readme = readFileSync('README.md', 'utf8')

/** Throws every fault of a ca.yaml of this text. */
function readSettings(text: string): EndpointSettings {
  const home = mkdtempSync(join(tmpdir(), 'dockgate-readme-'))
  writeFileSync(join(home, 'ca.yaml'), text)
  const { stdin, stdout, stderr } = process
  const io = { env: { DOCKGATE_HOME: home }, cwd: home, now: () => new Date(), stdin, stdout, stderr } // prettier-ignore
  try {
    return loadEndpointSettings(io, {})
  } finally {
    rmSync(home, { recursive: true })
  }
}

describe('README', () => {
  it('lists the built-in roles as they are', () => {
    const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim())
    const [section = ''] = /^\| role .*\n(?:\|.*\n)+/m.exec(readme) ?? []
    const table = section.trimEnd().split('\n').slice(2)
    const said = table.map((line) => cells(line).slice(1, 5))
    const meant = builtinRoles.map(({ name, about, on, limits }) => [
      `\`${name}\``,
      about,
      on.kind,
      limits === 'none' ? 'none' : 'safe',
    ])
    assert.deepEqual(said, meant)
  })

  it('shows a roles.yaml without fault', () => {
    const shown = [...readme.matchAll(/```yaml\n([^`]*)```/g)].map(([, yaml = '']) => yaml)
    const roles = shown.filter((yaml) => yaml.startsWith('roles:'))
    assert.ok(roles.length >= 5, `${roles.length} are shown`)
    for (const yaml of roles) assert.ok('file' in parseRoles(yaml, 'README.md'), yaml)
  })

  it('tells of every limit that there is', () => {
    const { quota: _, ...named } = safeLimits
    for (const name of Object.keys(named))
      assert.match(readme, new RegExp(`^\\|.*\`${name}\``, 'm'))
  })

  it('shows a ca.yaml without fault, and so does the help of ca serve', () => {
    const [yaml = ''] = /(?<=```yaml\n)oidc:\n[^`]*/.exec(readme) ?? []
    assert.equal(readSettings(yaml).issuers[0]?.rules[0]?.minutes, 10)
    const [shown = ''] = /(?<= {2})listen: [\s\S]*?minutes: \d+\n/.exec(serve.help) ?? []
    assert.equal(readSettings(shown.replaceAll('\n  ', '\n')).issuers[0]?.rules[0]?.minutes, 15)
  })
})
