// A gateway in a container sees the image's files where the host has others: which of its paths count.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { sharedFolders } from '../../src/gateway/shared-folders.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

const mountinfo = `262 198 0:69 / / ro,relatime master:8 - overlay overlay rw,lowerdir=/l
263 262 0:75 / /proc rw,nosuid - proc proc rw
264 262 0:76 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
281 262 254:0 /var/lib/docker/containers/0afd/hosts /etc/hosts ro,relatime - ext4 /dev/vda rw
284 262 0:45 /docker.sock /var/run/docker.sock rw,relatime - tmpfs tmpfs rw,mode=755
285 262 254:0 /var/lib/docker/volumes/audit/_data /var/log/dockgate rw master:2 - ext4 /dev/vda rw
286 262 254:0 /srv/gate /etc/dockgate ro,relatime - ext4 /dev/vda rw
287 262 254:0 /srv/shared /srv/shared ro,relatime master:1 shared:2 - ext4 /dev/vda rw
288 287 254:0 /elsewhere /srv/shared/other ro,relatime - ext4 /dev/vda rw
289 262 254:1 /ci /home/ci ro,relatime - ext4 /dev/vdb rw
290 262 254:2 / /data ro,relatime - xfs /dev/vdc rw
291 262 254:0 /srv/two\\040words /srv/two\\040words ro,relatime - ext4 /dev/vda rw
`
const rows: readonly (readonly [path: string, seen: boolean, because: string])[] = [
  ['/srv/shared', true, 'mounted at its own path'],
  ['/srv/shared/a/b', true, 'below what is mounted at its own path'],
  ['/srv/shared/other/x', false, 'below something else that is mounted over it'],
  ['/srv/sharedness', false, 'only spelled alike'],
  ['/srv', false, "the image's own"],
  ['/', false, "the image's root"],
  ['/usr/lib', false, "the image's own"],
  ['/etc/dockgate/certs', false, 'elsewhere on the host'],
  ['/var/log/dockgate', false, 'a volume'],
  ['/var/run/docker.sock', false, 'in a file system of memory'],
  ['/proc/1/root', false, "the kernel's"],
  ['/etc/hosts', false, "the engine's"],
  ['/home/ci/x', true, 'of a file system that the host has at /home'],
  ['/data/x', true, 'a file system of its own'],
  ['/srv/two words/x', true, 'mounted at its own path, with a blank'],
]

const home = mkdtempSync(join(tmpdir(), 'dockgate-contained-'))
after(() => rmSync(home, { recursive: true }))
writeFileSync(
  join(home, 'roles.yaml'),
  `roles:
  dev: { includes: [developer], limits: { binds: [{ source: /etc, readOnly: true }] } }
grants:
  - { to: { name: alice }, roles: [dev] }
`,
)

describe('what a gateway in a container sees of the host', () => {
  for (const [path, seen, because] of rows) {
    it(`${path} is ${seen ? 'seen' : 'not seen'}: ${because}`, () => {
      assert.equal(sharedFolders(mountinfo)(path), seen)
    })
  }

  it('nothing is seen where the mounts cannot be read', () => {
    assert.equal(sharedFolders('')('/srv/shared'), false)
  })

  for (const [where, env, status, said] of [
    ['beside the engine', {}, 0, /within its limits/],
    ['in a container', { DOCKGATE_CONTAINED: 'yes' }, 1, /\/etc \(which dockgate cannot see\)/],
  ] as const) {
    it(`/etc of its own root, ${where}, is judged with exit code ${status}`, async () => {
      const ask = ['--as', 'alice', '--body', '-', 'POST', '/containers/create']
      const body = '{"HostConfig":{"Binds":["/etc:/x:ro"]}}'
      const ran = await runDockgate(['explain', ...ask], { DOCKGATE_HOME: home, ...env }, body)
      assert.match(ran.stdout, said, ran.stderr)
      assert.equal(ran.status, status)
    })
  }
})
