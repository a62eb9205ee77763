// What the machine that dockgate runs on shows: files with their owners and modes, who is in which group,
// the engine's process, its doors on the network.
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findDaemon, type DaemonProcess } from './daemon-process.ts'
import { findDoors, listeners, type Door } from './open-ports.ts'

export interface MachineFacts {
  /** The engine's processes, files and groups are not the ones that are seen here. */
  readonly isContainer: boolean
  readonly socket: { readonly path: string; readonly realPath: string; readonly file: FileFacts }
  /** A sentence where the engine's process is not to be seen. */
  readonly daemon: DaemonProcess | string
  readonly doors: readonly Door[]
  /** Where a manager of a swarm is listening, as far as the engine's process is seen. */
  readonly swarmAddresses: readonly string[]
  readonly groups: readonly Group[]
  /** Rules of the kernel's audit, as they are kept in its file; undefined where that is not there. */
  readonly auditRules: string | undefined
  /** Of a path of the engine's machine; undefined where it is not there. */
  file(path: string): FileFacts | undefined
  /** Whether something is mounted just there; undefined where the path is not seen. */
  isMountPoint(path: string): boolean | undefined
}

export interface FileFacts {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly isDirectory: boolean
  /** `root:docker`, with numbers where there is no name. */
  readonly owner: string
}

export interface Group {
  readonly name: string
  readonly gid: number
  /** Those who are listed, and those whose first group it is. */
  readonly members: readonly string[]
}

export async function readMachine(
  socketPath: string,
  ownCertificate: string | undefined,
): Promise<MachineFacts> {
  const daemon = findDaemon(socketPath)
  const root = typeof daemon === 'string' ? '' : daemon.root
  const names = readNames()
  const file = (path: string): FileFacts | undefined => statOf(`${root}${path}`, names)
  const doors = await findDoors({
    pid: typeof daemon === 'string' ? undefined : daemon.pid,
    hosts: typeof daemon === 'string' ? [] : (daemon.options.get('host') ?? []),
    ownCertificate,
  })
  return {
    // A machine that is itself an image's, with an engine on it, is the engine's machine.
    isContainer:
      typeof daemon === 'string' && (existsSync('/.dockerenv') || existsSync('/run/.containerenv')),
    socket: {
      path: socketPath,
      realPath: realPath(socketPath),
      file: statOf(socketPath, names) ?? nothing,
    },
    daemon,
    doors,
    swarmAddresses:
      typeof daemon === 'string'
        ? []
        : listeners(daemon.pid).flatMap(({ host, port }) => (port === swarmPort ? [host] : [])),
    groups: names.groups,
    auditRules: textOf('/etc/audit/audit.rules'),
    file,
    isMountPoint(path) {
      const [here, above] = [devOf(`${root}${path}`), devOf(join(root, dirname(path)))]
      return here === undefined || above === undefined ? undefined : here !== above
    },
  }
}

const swarmPort = 2377

const nothing: FileFacts = { mode: 0, uid: -1, gid: -1, isDirectory: false, owner: 'nobody' }

interface Names {
  readonly users: ReadonlyMap<number, string>
  readonly groups: readonly Group[]
}

/** passwd(5), group(5) */
function readNames(): Names {
  const users = rowsOf('/etc/passwd').map(([name = '', , uid, gid]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
  }))
  const groups = rowsOf('/etc/group').map(([name = '', , id, listed = '']) => {
    const gid = Number(id)
    const first = users.filter((user) => user.gid === gid).map((user) => user.name)
    const members = new Set([...listed.split(',').filter((member) => member !== ''), ...first])
    return { name, gid, members: [...members] }
  })
  return { users: new Map(users.map(({ uid, name }) => [uid, name])), groups }
}

function rowsOf(path: string): readonly (readonly string[])[] {
  const lines = (textOf(path) ?? '').split('\n').filter((line) => line.includes(':'))
  return lines.map((line) => line.split(':'))
}

export function statOf(path: string, names: Names = readNames()): FileFacts | undefined {
  try {
    const { mode, uid, gid } = statSync(path)
    const user = names.users.get(uid) ?? String(uid)
    const group = names.groups.find((one) => one.gid === gid)?.name ?? String(gid)
    const isDirectory = (mode & 0o170000) === 0o040000
    return { mode: mode & 0o7777, uid, gid, isDirectory, owner: `${user}:${group}` }
  } catch {
    return undefined
  }
}

function devOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.dev
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
