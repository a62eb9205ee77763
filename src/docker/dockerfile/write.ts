// A Dockerfile as it is sent: every image by the id that was judged, whatever its name comes to mean,
// and each stage labelled from its first layer on, so that no image on the way is nobody's. Pure.
import type { Dockerfile } from './read.ts'

export function writeDockerfile(
  { escape, steps }: Dockerfile,
  idOf: (image: string) => string,
  labels: Readonly<Record<string, string>>,
): string {
  const label = labelWords(labels, escape)
  const lines = steps.flatMap((step) => {
    if (step.kind === 'line') return [step.text]
    const { head, source, tail } = step
    const named =
      source.is === 'scratch' ? 'scratch' : source.is === 'stage' ? source.name : idOf(source.name)
    if (step.kind === 'copy') return [`${head} --from=${named}${tail}`]
    const line = `${head} ${named}${tail}`
    // A stage upon a stage has its labels.
    return source.is === 'stage' || label === '' ? [line] : [line, `LABEL${label}`]
  })
  return `# escape=${escape}\n${lines.join('\n')}\n`
}

/** What follows `LABEL`, each with a blank before it, so that nothing in it is read but as it is. */
export function labelWords(labels: Readonly<Record<string, string>>, escape: string): string {
  return Object.entries(labels)
    .map(([name, value]) => ` ${quoted(name, escape)}=${quoted(value, escape)}`)
    .join('')
}

function quoted(text: string, escape: string): string {
  const escaped = text.replaceAll(/["$\\`]/g, (char) =>
    char === '"' || char === '$' || char === escape ? escape + char : char,
  )
  return `"${escaped}"`
}
