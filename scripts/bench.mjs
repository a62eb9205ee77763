// `npm run bench [-- words…]`: what the gateway costs beside others, on this machine, in one run. Rounds
// go from peer to peer, so that whatever else the machine does falls on all of them; what counts is the
// ratio, and the CPU time of the process under test more than the wall clock. Words choose the work and
// peers whose names contain them. The table goes to standard output, the numbers to --json FILE.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commandLines } from './bench/command-line.mjs'
import { manyGrants } from './bench/grants.mjs'
import { judging } from './bench/judging.mjs'
import { knownPeers, makeCertificates, startPeer } from './bench/peers.mjs'
import { targetTable } from './bench/targets.mjs'
import { warmUp, works } from './bench/works.mjs'

const usage = `usage: npm run bench -- [--rounds N] [--json FILE] [--peer NAME]… [words of the work…]

All of it takes about ten minutes. Another Node for dockgate and the bare proxy: DOCKGATE_BENCH_NODE=/path/to/node.
Another peer: DOCKGATE_BENCH_PEER="name=/path --listen 127.0.0.1:{port} --socket {socket} --certs {certs}".
`
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
    peer: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help === true) {
  process.stdout.write(usage)
  process.exit(0)
}

const home = mkdtempSync(join(tmpdir(), 'dockgate-bench-'))
const say = (text) => process.stderr.write(`bench: ${text}\n`)
const socketPath = join(home, 'engine.sock')
const upstreamFile = fileURLToPath(new URL('bench/upstream.mjs', import.meta.url))
const upstream = spawn(process.execPath, [upstreamFile, socketPath], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
await once(upstream.stdout, 'data')

const certs = makeCertificates(home)
const identityOf = (name) => ({
  ca: readFileSync(join(certs, 'ca.pem')),
  cert: readFileSync(join(certs, 'clients', name, 'cert.pem')),
  key: readFileSync(join(certs, 'clients', name, 'key.pem')),
})
const identities = Object.fromEntries(
  ['admin', 'dev', 'nobody'].map((name) => [name, identityOf(name)]),
)
const roles = `roles:
  limited: { includes: [developer], on: all }
grants:
  - { to: { name: admin }, roles: [admin] }
  - { to: { name: dev }, roles: [limited] }
  - { to: { name: nobody }, roles: [builder] }
`
const place = { home, socketPath, roles, identity: identities.admin }

const other = process.env.DOCKGATE_BENCH_NODE
const nodes = [
  ['', process.execPath],
  ...(other !== undefined && existsSync(other) ? [[' (other node)', other]] : []),
]
const onlyJudging = positionals.length > 0 && positionals.every((word) => 'judging'.includes(word))
const known = Object.entries(onlyJudging ? {} : knownPeers(nodes)).filter(
  ([name]) => values.peer === undefined || values.peer.some((word) => name.includes(word)),
)
const asksFor = (name) =>
  positionals.length === 0 || positionals.some((word) => name.includes(word))
const chosen = works.filter(({ name }) => !onlyJudging && asksFor(name))

const report = { node: process.version, peers: {}, work: [] }
const peers = []
try {
  for (const [name, start] of known) {
    const peer = await startPeer(name, start, place)
    peers.push(peer)
    report.peers[name] = { readyMs: Math.round(peer.readyMs), restKb: peer.rssKb() }
    say(
      `${name} is ready after ${Math.round(peer.readyMs)} ms, at ${Math.round(peer.rssKb() / 1024)} MB`,
    )
  }
  if (chosen.length > 0) for (const peer of peers) await warmUp(peer, identities.admin)
  for (const work of chosen) {
    const rounds = Math.min(work.most ?? Infinity, Number(values.rounds))
    say(`${work.name}, ${rounds} rounds`)
    const numbers = new Map(peers.map((peer) => [peer.name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const peer of peers) {
        if (work.only !== undefined && !work.only.test(peer.name)) continue
        numbers.get(peer.name).push(await work.run(peer, { identities }))
      }
    }
    const row = { name: work.name, unit: work.unit, peers: {} }
    for (const [name, found] of numbers) {
      if (found.length > 0) row.peers[name] = summary(found)
    }
    report.work.push(row)
    print(row)
  }
  if (asksFor('judging')) {
    const row = judging(Number(values.rounds))
    report.work.push(row)
    print(row)
  }
  if (asksFor('grants')) {
    const row = await manyGrants({
      place,
      identities,
      start: known[0]?.[1],
      rounds: Number(values.rounds),
    })
    report.work.push(row)
    print(row)
  }
  if (asksFor('docker')) {
    for (const row of await commandLines({
      home,
      certs,
      roles,
      say,
      rounds: Number(values.rounds),
    })) {
      report.work.push(row)
      print(row)
    }
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
  upstream.kill()
  rmSync(home, { recursive: true, force: true })
}
process.stdout.write(`\n${targetTable(report)}\n`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)

function summary(found) {
  const cpu = found.map(({ cpuUs }) => cpuUs).toSorted((one, two) => one - two)
  const speed = found.map(({ perSecond }) => perSecond).toSorted((one, two) => one - two)
  const middle = (sorted) => sorted[Math.floor(sorted.length / 2)]
  return {
    value: short(middle(cpu)),
    from: short(cpu[0]),
    to: short(cpu.at(-1)),
    perSecond: Math.round(middle(speed)),
    ...(found[0].rate === undefined ? {} : { rate: found[0].rate }),
    ...(found[0].resumed === undefined ? {} : { resumed: found[0].resumed }),
  }
}

function short(value) {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10
}

function print(row) {
  process.stdout.write(`\n${row.name} (${row.unit})\n`)
  const [first] = Object.keys(row.peers)
  for (const [name, found] of Object.entries(row.peers)) {
    const ratio = (row.peers[first].value / found.value).toFixed(2)
    const range = `${found.from} to ${found.to}`
    const speed = `${found.perSecond} ${found.rate ?? 'a second'}`
    const resumed = found.resumed === undefined ? '' : found.resumed ? ', resumed' : ', NOT resumed'
    process.stdout.write(
      `  ${name.padEnd(24)} ${String(found.value).padStart(8)}  (${range})  ${speed}${resumed}  ${first} / it = ${ratio}\n`,
    )
  }
}
