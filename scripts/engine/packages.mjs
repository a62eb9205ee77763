// What the test engine needs on a Debian machine, and its installation by apt-get where it is missing.
// A machine that has all the programs, whatever its distribution, installs nothing.
import { existsSync } from 'node:fs'
import { spawnSync } from 'node:child_process'

/** The file whose presence shows that a package is there, and the package. */
const needed = [
  ['/usr/sbin/dockerd', 'docker.io'],
  ['/usr/bin/docker', 'docker-cli'],
  ['/usr/sbin/iptables', 'iptables'],
  ['/usr/bin/ip', 'iproute2'],
  ['/usr/bin/busybox', 'busybox-static'],
  ['/usr/bin/docker-registry', 'docker-registry'],
  ['/usr/bin/openssl', 'openssl'],
  ['/usr/bin/docker-compose', 'docker-compose'],
  ['/usr/bin/python3', 'python3'],
  // For the tests of pages in a real browser.
  ['/usr/bin/chromium', 'chromium'],
  ['/usr/bin/unshare', 'util-linux'],
  ['/usr/bin/systemd-notify', 'systemd'],
]

/** What some tests of bundles are tried with, and are skipped without. */
const tried = [
  ['/usr/bin/pk12util', 'libnss3-tools'],
  ['/usr/bin/zsh', 'zsh'],
  ['/usr/bin/ksh93', 'ksh93u+m'],
  ['/usr/bin/fish', 'fish'],
]

/** Installs what is missing; throws an `Error` that says what to do where it cannot. */
export function installPackages(say) {
  installNeeded(say)
  const missing = missingPackages(tried)
  if (missing.length === 0 || !existsSync('/usr/bin/apt-get')) return
  say(`installing ${missing.join(', ')}`)
  if (!install(missing)) say('they could not be installed, so some tests of bundles are skipped')
}

function installNeeded(say) {
  let missing = missingPackages(needed)
  if (missing.length === 0) return
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`the test engine needs ${missing.join(', ')}, and this machine has no apt-get`)
  }
  say(`installing ${missing.join(', ')}`)
  // docker.io brings the command line along up to Debian 12; later it is a package of its own.
  if (missing.includes('docker.io')) missing = missing.filter((name) => name !== 'docker-cli')
  if (!install(missing)) {
    say('refreshing the lists of packages')
    apt(['update'])
    if (!install(missing)) throw new Error(`apt-get could not install ${missing.join(', ')}`)
  }
  const left = missingPackages(needed)
  if (left.length > 0 && !install(left)) {
    throw new Error(`apt-get could not install ${left.join(', ')}`)
  }
}

function missingPackages(packages) {
  return packages.filter(([file]) => !existsSync(file)).map(([, name]) => name)
}

function install(names) {
  return apt(['install', '--yes', '--no-install-recommends', ...names])
}

/** Other work on the machine may hold the lock of dpkg: it is waited for. */
function apt(args) {
  const { status } = spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 2, 2],
    // The distribution's own services stay down on a machine that starts them on installation.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  return status === 0
}
