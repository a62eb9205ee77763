// Prints .github/PERMISSIONS.md from the catalog: every permission, and the calls that need it.
// Usage: node scripts/permission-table.mjs > .github/PERMISSIONS.md
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const prepare = fileURLToPath(new URL('prepare.mjs', import.meta.url))
spawnSync(process.execPath, [prepare, '--test', '--quiet'], { stdio: ['ignore', 2, 2] })
const { catalog, permissions } = await import('../.build/src/docker/catalog.js')
const { ownEndpoints } = await import('../.build/src/docker/catalog-own.js')

const importing = 'image.import'

console.log(`# Permissions

Made from the catalog by \`node scripts/permission-table.mjs > .github/PERMISSIONS.md\`; a test holds it to it.
A role allows or denies these, \`resource.*\` or \`*\`. Verbs are those of the docker command line where it has one.

| permission | calls | |
| --- | --- | --- |`)
for (const permission of [...permissions].toSorted((a, b) => (a < b ? -1 : 1))) {
  const rows = [...catalog, ...ownEndpoints].filter(
    (row) =>
      row.permission === permission || (permission === importing && row.id === 'ImageCreate'),
  )
  const calls = rows.map((row) => `\`${row.method} ${row.path}${splits(row, permission)}\``)
  console.log(`| \`${permission}\` | ${calls.join('<br>')} | ${traits(rows)} |`)
}

/** The one route that two permissions share is told apart by its query. */
function splits(row, permission) {
  if (row.id !== 'ImageCreate') return ''
  return permission === importing ? '?fromSrc=' : '?fromImage='
}

function traits(rows) {
  const words = []
  if (rows.some((row) => row.changes)) words.push('changes')
  if (rows.some((row) => row.streams)) words.push('streams')
  if (rows.some((row) => row.hijacks)) words.push('hijacks')
  return words.join(', ')
}
