// Where a second copy of the audit goes, read from its text: `stdout`, or a syslog daemon as
// `tcp://host:port`, `udp://host:port` or `unix:///socket`. Pure.

export type AuditSink =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** `sun_path` of unix(7) without its final zero; what is longer would be cut to another path. */
const maxSocketPathBytes = 107

/** Undefined for what is no such place. */
export function readAuditSink(text: string): AuditSink | undefined {
  if (text === 'stdout') return { kind: 'stdout' }
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length)
    const isPath = path.startsWith('/') && !path.endsWith('/') && !path.includes('\0')
    return isPath && Buffer.byteLength(path) <= maxSocketPathBytes
      ? { kind: 'unix', path }
      : undefined
  }
  const match =
    /^(?<kind>tcp|udp):\/\/(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/.exec(
      text,
    )
  const { kind, v6, host = v6, port } = match?.groups ?? {}
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined
  return { kind: kind === 'udp' ? 'udp' : 'tcp', host, port: Number(port) }
}
