import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseRoles } from '../../src/config/roles-file.ts'
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
      limits,
    ])
    assert.deepEqual(said, meant)
  })

  it('shows a roles.yaml without fault', () => {
    const [, yaml = ''] = /```yaml\n([^`]*)```/.exec(readme) ?? []
    assert.ok(yaml.includes('grants:'))
    assert.ok('file' in parseRoles(yaml, 'README.md'))
  })
})
