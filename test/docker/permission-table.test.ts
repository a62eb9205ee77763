import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'

it('the table of permissions is what the catalog says', () => {
  const made = execFileSync(process.execPath, ['scripts/permission-table.mjs'], {
    encoding: 'utf8',
  })
  assert.equal(readFileSync('.github/PERMISSIONS.md', 'utf8'), made)
})
