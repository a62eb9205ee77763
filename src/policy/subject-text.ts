// To whom a grant is, in the words of the command line: `alice`, `unit=dev,org=Example`. Pure.
import type { Grant } from './grant.ts'

export function subjectText({ anyone, facts }: Pick<Grant, 'anyone' | 'facts'>): string {
  if (anyone) return 'every certificate'
  return facts.map(([kind, value]) => (kind === 'name' ? value : `${kind}=${value}`)).join(',')
}
