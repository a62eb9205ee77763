import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Json, Thing } from '../../src/docker/operation.ts'
import { projectRoot } from '../helpers/engine.ts'
import { judge, limitedRole, type Judgement } from '../helpers/judge.ts'

/** One line of the transcript, with all that was said before it. */
interface Row {
  readonly group: string
  readonly title: string
  readonly answer: () => Judgement
  against: string
  /** Path → JSON of what is there in the body that is sent. */
  readonly sent: (readonly [path: string, json: string])[]
}

function readTranscript(text: string): readonly Row[] {
  const rows: Row[] = []
  let [group, limits, line] = ['', '{}', '']
  let things: Thing[] = []
  let paths: Record<string, string> = {}
  for (const words of text.split('\n')) {
    const [, verb = '', rest = ''] = /^(\S+) ?(.*)$/.exec(words) ?? []
    const row = rows.at(-1)
    if (verb === '' || verb === '#') continue
    else if (verb === '##') group = rest
    else if (verb === 'limits') limits = rest
    else if (verb === 'thing') things.push(thingOf(rest))
    else if (verb === 'path') paths[rest.split(' ')[0] ?? ''] = rest.split(' ')[1] ?? ''
    else if (verb === '=' && row !== undefined) row.against = rest
    else if (verb === 'sent' && row !== undefined) {
      const [path = '', ...json] = rest.split(' ')
      row.sent.push([path, json.join(' ')])
    } else if (['host', 'body', 'query'].includes(verb)) {
      const [role, scene] = [limitedRole(limits), { things: [...things], paths: { ...paths } }]
      const body = verb === 'host' ? `{"Image":"x","HostConfig":${rest}}` : rest
      const request = verb === 'query' ? `${line}${rest}` : line
      rows.push({
        group,
        title: `${verb === 'query' ? request : `${request} ${rest}`} (limits: ${limits})`,
        answer: () => judge(role, request, body, scene),
        against: '',
        sent: [],
      })
    } else {
      ;[line, things, paths] = [words, [], {}]
    }
  }
  return rows
}

/** `container web alice user=1000`, `network host`, `volume wide alice reaches-host` */
function thingOf(words: string): Thing {
  const [kind = '', name = '', owner, more = ''] = words.split(' ')
  return {
    kind: kind as Thing['kind'],
    id: `id-of-${name}`,
    name,
    labels: owner === undefined || owner === '-' ? {} : { 'dockgate.owner': owner },
    ...(more.startsWith('user=') ? { user: more.slice(5) } : {}),
    ...(more.startsWith('team=')
      ? { labels: { 'dockgate.owner': 'alice', team: more.slice(5) } }
      : {}),
    ...(more === 'reaches-host' ? { reachesHost: true } : {}),
  }
}

function partOf(json: Json | undefined, path: string): Json | undefined {
  let part = json
  for (const key of path.split('.')) part = (part as Record<string, Json> | undefined)?.[key]
  return part
}

const text = readFileSync(join(projectRoot, 'test/fixtures/limits.txt'), 'utf8')
const rows = readTranscript(text)

describe('limits', () => {
  for (const group of new Set(rows.map((row) => row.group))) {
    describe(`on ${group}`, () => {
      for (const row of rows.filter((one) => one.group === group)) {
        it(`${row.against === 'allowed' ? 'allow' : 'refuse'} ${row.title}`, () => {
          const answer = row.answer()
          assert.equal(answer.against ?? 'allowed', row.against)
          for (const [path, json] of row.sent) {
            assert.equal(JSON.stringify(partOf(answer.sent, path)) ?? 'undefined', json)
          }
        })
      }
    })
  }
})
