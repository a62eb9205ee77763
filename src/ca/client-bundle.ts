// What a client is handed: the files that make a `DOCKER_CERT_PATH`, the archive that `docker context
// import` takes, and the lines that a shell reads. Pure.
import { CaError } from './ca-error.ts'
import { fishEnvironment, powerShellEnvironment, shEnvironment } from './env-script.ts'
import { tar } from './tar.ts'

export interface BundleParts {
  readonly name: string
  readonly host: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Where the bundle will lie, for shells that cannot say where a script is. */
  readonly folder: string
}

/** Where bundles dial before `ca server` was told better. */
export const defaultHost = 'tcp://localhost:2376'

/** File names to contents. */
export function clientBundle(parts: BundleParts): ReadonlyMap<string, string | Uint8Array> {
  const { name, host, ca, cert, key, folder } = parts
  return new Map<string, string | Uint8Array>([
    ['ca.pem', ca],
    ['cert.pem', cert],
    ['key.pem', key],
    [`${name}.dockercontext`, dockerContext(parts)],
    ['env.sh', shEnvironment(host, folder)],
    ['env.fish', fishEnvironment(host)],
    ['env.ps1', powerShellEnvironment(host)],
  ])
}

/** Docker's own rule for the name of a context (docker/cli, `cli/context/store`), which knows no @. */
export function contextName(name: string): string {
  const plain = name.replaceAll('@', '-')
  return plain.length < 2 ? `dockgate-${plain}` : plain
}

/** As `docker context export` writes it. */
function dockerContext({ name, host, ca, cert, key }: BundleParts): Buffer {
  const meta = {
    Name: contextName(name),
    Metadata: { Description: `${name} through dockgate` },
    Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
  }
  return tar(
    new Map([
      ['meta.json', JSON.stringify(meta)],
      ['tls/docker/ca.pem', ca],
      ['tls/docker/cert.pem', cert],
      ['tls/docker/key.pem', key],
    ]),
  )
}

/** The gateway's address as clients dial it: `tcp://name:port` and no more. */
export function readHost(given: string): string {
  const [, name = '', port = ''] =
    /^tcp:\/\/([\w.-]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(given) ?? []
  if (name === '' || Number(port) < 1 || Number(port) > 65_535) {
    throw new CaError('bad-name', `${JSON.stringify(given)} is no address of a gateway`, {
      hint: 'it looks like tcp://gateway.example.com:2376',
    })
  }
  return given
}
