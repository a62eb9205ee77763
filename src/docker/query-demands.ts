// What the path and the query ask for that a limit has a say in: builds, pulls, pushes, commits.
import { isFailure } from '../errors.ts'
import { readJson } from './json.ts'
import { readInt, allValues, firstValue } from './query.ts'
import type { Endpoint, Json, QueryPairs } from './operation.ts'
import type { Demand } from './shape.ts'

type Row = readonly [
  name: string,
  say: Demand['say'],
  kind: 'text' | 'list' | 'int' | 'json',
  flag?: string,
]

const rows: ReadonlyMap<string, readonly Row[]> = new Map([
  [
    'ImageBuild',
    [
      ['networkmode', 'build', 'text', '--network'],
      ['remote', 'build', 'text', 'context'],
      ['version', 'build', 'text'],
      ['session', 'build', 'text'],
      ['outputs', 'build', 'text', '--output'],
      ['securityopt', 'securityOptions', 'list', '--security-opt'],
      ['isolation', 'build', 'text', '--isolation'],
      ['squash', 'build', 'text', '--squash'],
      ['extrahosts', 'hosts', 'list', '--add-host'],
      ['cgroupparent', 'cgroupParent', 'text', '--cgroup-parent'],
      ['ulimits', 'ulimits', 'json', '--ulimit'],
      ['memory', 'memory', 'int', '--memory'],
      ['memswap', 'memorySwap', 'int', '--memory-swap'],
      ['cpuquota', 'cpuQuota', 'int', '--cpu-quota'],
      ['shmsize', 'shm', 'int', '--shm-size'],
      ['labels', 'labels', 'json', '--label'],
      ['buildargs', 'buildArgs', 'json', '--build-arg'],
    ],
  ],
  [
    'ImageCreate',
    [
      ['fromImage', 'pull', 'text', 'image'],
      ['fromSrc', 'build', 'text'],
      ['changes', 'changes', 'list', '--change'],
    ],
  ],
  ['ImageSearch', [['term', 'search', 'text', 'registry']]],
  ['GetPluginPrivileges', [['remote', 'pull', 'text', 'plugin']]],
  ['ContainerCreate', [['name', 'containerName', 'text', '--name']]],
  ['ContainerRename', [['name', 'containerName', 'text', 'name']]],
  ['ImageCommit', [['changes', 'changes', 'list', '--change']]],
])

const none: readonly Demand[] = Object.freeze([])

export function queryDemands(
  endpoint: Endpoint,
  params: Readonly<Record<string, string>>,
  query: QueryPairs,
): readonly Demand[] {
  if (endpoint.id === 'ImagePush') {
    const tag = firstValue(query, 'tag')
    const name = params['name'] ?? ''
    return [demand('push', '{name}', tag ? `${name}:${tag}` : name, 'image')]
  }
  if (endpoint.id === 'ImageTag') {
    return [demand('renamed', '{name}', params['name'] ?? '', 'image')]
  }
  if (endpoint.id === 'DistributionInspect') {
    return [demand('pull', '{name}', params['name'] ?? '', 'image')]
  }
  const known = rows.get(endpoint.id)
  if (known === undefined) return none
  const asked: Demand[] = []
  for (const [name, say, kind, flag] of known) {
    const values = allValues(query, name)
    const [first = ''] = values
    if (kind === 'list') {
      if (values.length > 0) asked.push(demand(say, `?${name}`, values, flag))
    } else if (first !== '') {
      const value =
        kind === 'int' ? Number(readInt(first)) : kind === 'json' ? jsonOf(first) : first
      // `ulimits=null` is Docker 20.10's word for none.
      if (value !== 0 && value !== null) asked.push(demand(say, `?${name}`, value, flag))
    }
  }
  return asked
}

/** What has no single reading stays a string, which no limit takes for what it wants. */
function jsonOf(text: string): Json {
  const read = readJson(Buffer.from(text))
  return isFailure(read) ? text : read.value
}

function demand(say: Demand['say'], field: string, value: Json, flag?: string): Demand {
  return { say, field, flag, value }
}
