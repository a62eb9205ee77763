// Makes the output of two runs of one docker command comparable: what differs between any two runs
// (ids, times, addresses, sizes, widths of columns) is replaced by its name, the rest stays.

/** In this order: an earlier pattern may hold what a later one would take apart. */
const varying: readonly (readonly [RegExp, string])[] = [
  // A terminal's own language: colors, cursor movements, and the spinner that they draw.
  [/\u001b\[[0-9;?]*[A-Za-z]/g, ''],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))*/g, 'TIME'],
  [/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}/g, 'TIME'],
  [/\b[0-9a-f]{64}\b/g, 'ID64'],
  [/\b[0-9a-f]{40}\b/g, 'ID40'],
  [/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC'],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, 'ID12'],
  // Swarm's ids: base 36, 25 characters, or 12 where they are cut.
  [/\b(?=[0-9a-z]*\d)[0-9a-z]{25}\b/g, 'SWARMID'],
  [/\bSWMTKN-[0-9a-z-]+/g, 'TOKEN'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:\/\d+)?\b/g, 'ADDRESS'],
  [/\b(?:Less than a second|About an? \w+|\d+ (?:second|minute|hour)s?)(?= |$|")/gm, 'SPAN'],
  [/\b\d+(?:\.\d+)? ?(?:[kKMG]i?)?B(?:\/s)?\b/g, 'SIZE'],
  [/\b\d+(?:\.\d+)?%/g, 'PERCENT'],
  [/\b\d+(?:\.\d+)?(?:ms|s)\b/g, 'SPAN'],
  [/("HostPort": )"\d+"/g, '$1PORT'],
  [/("(?:Pid|ContainerPID|Size|VirtualSize|Index)": )\d+/g, '$1NUMBER'],
  // The engine's own maps, in whatever order.
  [/^( Runtimes:).*$/gm, '$1 SOME'],
  // A registry that knows the layer from another run takes it from there.
  [/Mounted from \S+|Layer already exists/g, 'Pushed'],
  [/[ \t]{2,}/g, '  '],
  [/[ \t\r]+$/gm, ''],
]

export interface Own {
  /** Strings that only this run has, each with the word that stands for it. */
  readonly [text: string]: string
}

export function normalize(output: string, own: Own): string {
  let text = output
  for (const [from, to] of Object.entries(own)) text = text.replaceAll(from, to)
  for (const [pattern, word] of varying) text = text.replace(pattern, word)
  return text
}

/** For what several workers print: the same lines, in whatever order and however often. */
export function sortedLines(text: string): string {
  return [...new Set(text.split('\n'))].toSorted().join('\n')
}
