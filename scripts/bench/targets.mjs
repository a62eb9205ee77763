// What was measured beside what is aimed at, as a table to be pasted.

/** `of` and `to` are peers; a ratio of their values, or of their speeds, in one work of one run. */
const rows = [
  ['docker version against the engine itself', /^docker version/, 'engine', '<=', 1.08],
  ['docker ps against the engine itself', /^docker ps/, 'engine', '<=', 1.08],
  ['docker run against the engine itself', /^docker run/, 'engine', '<=', 1.08],
  ['docker version against HAProxy', /^docker version/, 'haproxy', '<=', 1],
  ['docker ps against HAProxy', /^docker ps/, 'haproxy', '<=', 1],
  ['docker run against HAProxy', /^docker run/, 'haproxy', '<=', 1],
  ['CPU of a ping against bare Node', /^GET \/_ping, 16/, 'bare', '<=', 0.8],
  ['CPU of a list against bare Node', /^GET \/containers\/json, 16/, 'bare', '<=', 0.8],
  ['CPU of a long list against bare Node', /^GET \/containers\/json of 500/, 'bare', '<=', 0.8],
  ['CPU of a new connection against HAProxy', /full handshake/, 'haproxy', '<=', 1],
  ['CPU of a resumed connection against HAProxy', /resumed/, 'haproxy', '<=', 1],
  ['MiB/s down against HAProxy', /down in 1/, 'haproxy', '>=', 1, 'perSecond'],
  ['MiB/s up against HAProxy', /up in 1/, 'haproxy', '>=', 1, 'perSecond'],
  [
    'round trips a second against the engine itself',
    /attach to a container/,
    'engine',
    '>=',
    0.95,
    'perSecond',
  ],
]
const absolute = [
  ['CPU of a GiB down, ms', /down in 1/, 1500],
  ['CPU of a GiB up, ms', /up in 1/, 1500],
  ['an idle stream beyond its TLS socket, KB', /idle streams/, 40],
]

export function targetTable(report) {
  const names = ['dockgate', 'dockgate (other node)'].filter((name) =>
    report.work.some(({ peers }) => name in peers),
  )
  const find = (pattern) => report.work.find(({ name }) => pattern.test(name))?.peers
  const lines = []
  for (const name of names) {
    const suffix = name.slice('dockgate'.length)
    const add = (what, target, value) => {
      const isReached = target.startsWith('<=')
        ? value <= target.slice(3)
        : value >= target.slice(3)
      lines.push([what + suffix, target, value, isReached ? 'yes' : 'no'])
    }
    for (const [what, pattern, to, sign, target, field = 'value'] of rows) {
      const peers = find(pattern)
      const peer = peers?.[to === 'bare' ? `bare${suffix}` : to]
      const ours = peers?.[name]
      if (peer && ours) add(what, `${sign} ${target}`, round(ours[field] / peer[field]))
    }
    for (const [what, pattern, target] of absolute) {
      const ours = find(pattern)?.[name]
      if (ours) add(what, `<= ${target}`, ours.value)
    }
    const denied = find(/^denied/)?.[name]
    const passed = find(/^GET \/_ping, 16/)?.[name]
    if (denied && passed) {
      add(
        'CPU of a denial against a request let through',
        '<= 1',
        round(denied.value / passed.value),
      )
    }
    const started = report.peers[name]
    if (started) add('ready after, ms', '<= 500', started.readyMs)
  }
  const judged = find(/^judging a body/)
  const [first] = Object.values(judged ?? {})
  if (first)
    lines.push(['judging a body, µs', '<= 50', first.value, first.value <= 50 ? 'yes' : 'no'])
  const grants = Object.values(find(/by grants/) ?? {})
  if (grants.length > 0) {
    const most = round(Math.max(...grants.map(({ value }) => value)) / grants[0].value)
    lines.push([
      'most grants and roles against 10 and 1',
      '<= 1.1',
      most,
      most <= 1.1 ? 'yes' : 'no',
    ])
  }
  const head = ['what', 'target', 'measured', 'reached']
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function round(value) {
  return Math.round(value * 100) / 100
}
