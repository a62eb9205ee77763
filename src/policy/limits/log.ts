// Where the output of a container goes, and what the engine itself does for it. Pure.
import { isObject } from '../../docker/json.ts'
import type { Json } from '../../docker/operation.ts'
import { parseSize } from '../size.ts'
import { against, entriesOf, listed, textOf, type Predicate } from './predicate.ts'
import { isPlainTemplate } from './template.ts'

/** The engine renames them all, one after the other, each time the first is full. */
const mostFiles = 100
/** Of the engine's own memory. */
const mostBuffered = 16 * 1024 * 1024

const any = (): boolean => true

/** Only what shapes the files, by amounts that the engine can bear; others open sockets and files of the host. */
const logOptions: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['max-size', any],
  ['max-file', (value: string) => /^\d{1,3}$/.test(value) && Number(value) <= mostFiles],
  ['compress', any],
  ['labels', any],
  ['labels-regex', any],
  ['env', any],
  ['env-regex', any],
  ['tag', isPlainTemplate],
  ['mode', any],
  ['max-buffer-size', (value: string) => (parseSize(value) ?? Infinity) <= mostBuffered],
])

const allowedValues: Readonly<Record<string, string>> = {
  'max-file': `1 to ${mostFiles}`,
  tag: 'words and {{.Name}}',
  'max-buffer-size': `at most ${mostBuffered}`,
}

export const log: Predicate = (value, { limits }) => {
  const config: Readonly<Record<string, Json>> = isObject(value) ? value : {}
  const driver = textOf(config['Type'] ?? config['Name'])
  if (driver !== '' && !limits.logDrivers.has(driver)) {
    return against('logDrivers', driver, listed(limits.logDrivers))
  }
  for (const [name, given] of entriesOf(config['Config'] ?? config['Options'] ?? null)) {
    const fits = logOptions.get(name)
    if (fits === undefined) {
      return against('logDrivers', `with ${name}`, listed(logOptions.keys()))
    }
    const text = textOf(given)
    if (text !== '' && !fits(text)) {
      return against('safe', `with ${name}=${text}`, allowedValues[name] ?? 'less')
    }
  }
  return undefined
}
