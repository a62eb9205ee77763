// A reporter for node:test that says nothing but in which files something failed, one a line.
// oxlint-disable-next-line import/no-default-export -- node:test takes nothing else
export default async function* failedFiles(events) {
  const files = new Set()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.file !== undefined) files.add(data.file)
  }
  yield [...files].join('\n')
}
