// Splits a command line as it stands in a table of tests into its words: spaces part them, single
// quotes keep them together.

export function shellWords(line: string): string[] {
  const words = line.match(/(?:[^\s']|'[^']*')+/g) ?? []
  return words.map((word) => word.replaceAll("'", ''))
}
