// Which paths mean the same file inside the gateway's container as on the engine's host: those below a
// folder of the host that is mounted at its own path. Anything else in there is the image's or the
// container's own, and a link judged there may lead elsewhere on the host.

/** Filled by the kernel or by the engine, for each container anew. */
const own: ReadonlySet<string> = new Set([
  'proc',
  'sysfs',
  'tmpfs',
  'devtmpfs',
  'devpts',
  'mqueue',
  'cgroup',
  'cgroup2',
])

/** `mountinfo` is the text of /proc/self/mountinfo, proc_pid_mountinfo(5). */
export function sharedFolders(mountinfo: string): (path: string) => boolean {
  const shared = new Map<string, boolean>()
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ')
    const [root = '', point = ''] = fields.slice(3, 5).map(unescape)
    const type = fields[fields.indexOf('-', 6) + 1] ?? ''
    // Of a file system that the host has at /srv, /srv/shared is told as /shared. What is mounted last
    // over a place is what is seen there.
    const alike = root === '/' || point === root || point.endsWith(root)
    if (point !== '') shared.set(point, point !== '/' && alike && !own.has(type))
  }
  return (path) => {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const found = shared.get(at)
      if (found !== undefined) return found
    }
    return false
  }
}

/** Blanks and their like are written as three octal digits. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
