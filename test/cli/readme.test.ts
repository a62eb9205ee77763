import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseRoles } from '../../src/config/roles-file.ts'
import { safeLimits } from '../../src/policy/limits.ts'
import { builtinRoles } from '../../src/policy/builtin-roles.ts'

const readme = readFileSync('README.md', 'utf8')

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
    assert.equal(roles.length, 2)
    for (const yaml of roles) assert.ok('file' in parseRoles(yaml, 'README.md'), yaml)
  })

  it('tells of every limit that there is', () => {
    const { quota: _, ...named } = safeLimits
    for (const name of Object.keys(named))
      assert.match(readme, new RegExp(`^\\|.*\`${name}\``, 'm'))
  })
})
