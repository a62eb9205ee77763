// Lines of a Dockerfile by which an image is changed as it is committed or pulled. Its own escapes,
// variables and triggers can spell any label, so that only words without them pass. Pure.
import { against, wordsOf, type Predicate } from './predicate.ts'
import { reserved } from './words.ts'

export const changes: Predicate = (value, { limits }) => {
  const setsEnv = (line: string): boolean => limits.forbidEnv.size > 0 && /^\s*ENV\s/i.test(line)
  const refused = wordsOf(value).find((line) => !isPlainChange(line) || setsEnv(line))
  return refused === undefined
    ? undefined
    : against(
        'safe',
        refused.split(/\s/, 1)[0] ?? '',
        'CMD, ENTRYPOINT, ENV, EXPOSE, STOPSIGNAL, USER, VOLUME, WORKDIR, LABEL name=value',
      )
}

function isPlainChange(line: string): boolean {
  // Continued, it would swallow the next line, a label perhaps that must be set.
  if (/[\r\n]|[\\`]\s*$/.test(line)) return false
  if (/^\s*(CMD|ENTRYPOINT|ENV|EXPOSE|STOPSIGNAL|USER|VOLUME|WORKDIR)\s/i.test(line)) return true
  const label = labelOf(line)
  return label !== undefined && !reserved.test(label[0])
}

/** The one label that a plain line sets. */
export function labelOf(line: string): readonly [name: string, value: string] | undefined {
  const [, name, value] = /^\s*LABEL\s+([\w.-]+)=([\w./:@+-]*)\s*$/i.exec(line) ?? []
  return name === undefined || value === undefined ? undefined : [name, value]
}
