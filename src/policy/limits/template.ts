// Go's templates, which the engine itself carries out in words of a client's. Pure.
import { against, wordsOf, type Predicate } from './predicate.ts'

/**
 * Words and plain fields such as `{{.Node.Hostname}}`. A function can make as long a text of one word as it
 * is told (`{{pad .Name 9999999999 0}}`), in the memory of the engine.
 */
export function isPlainTemplate(text: string): boolean {
  return !text.replaceAll(/\{\{ ?\.[A-Za-z]+(?:\.[A-Za-z]+){0,3} ?\}\}/g, '').includes('{{')
}

/** What swarm fills in for each task. */
export const template: Predicate = (value) => {
  const refused = wordsOf(value).find((text) => !isPlainTemplate(text))
  // Behind the name of a variable there may be a secret.
  return refused === undefined
    ? undefined
    : against('safe', refused.split('=', 1)[0] ?? '', 'words and {{.Node.Hostname}}')
}
