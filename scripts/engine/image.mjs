// The one image that the tests run: Debian's static busybox with a link for each of its applets, made
// on the machine, because a test run reaches no registry but its own.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askEngine } from './engine-http.mjs'

/** Imports it as busybox:local and busybox:latest. */
export async function importBusybox(socketPath, folder) {
  const root = mkdtempSync(join(folder, 'image-'))
  try {
    for (const name of ['bin', 'etc', 'root', 'tmp', 'usr', 'var']) mkdirSync(join(root, name))
    copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'))
    const { stdout } = spawnSync('/usr/bin/busybox', ['--list'], { encoding: 'utf8' })
    for (const applet of stdout.split('\n')) {
      if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
    }
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
    )
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
    const tar = spawn('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], {
      stdio: ['ignore', 'pipe', 2],
    })
    const query = new URLSearchParams({ fromSrc: '-', repo: 'busybox', tag: 'local' })
    query.append('changes', 'CMD ["sh"]')
    await expectStatus(askEngine(socketPath, 'POST', `/images/create?${query}`, tar.stdout), 200)
    const tag = '/images/busybox:local/tag?repo=busybox&tag=latest'
    await expectStatus(askEngine(socketPath, 'POST', tag), 201)
  } finally {
    rmSync(root, { recursive: true })
  }
}

async function expectStatus(answer, status) {
  const got = await answer
  if (got.status !== status) throw new Error(`the engine refused the test image: ${got.text}`)
}
