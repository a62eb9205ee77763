// The client bundle that a relay proves itself with, read anew whenever it was renewed on disk.
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'

export interface ClientBundle {
  /** The certificate's subject, on one line, for people. */
  readonly subject: string
  readonly notAfter: Date
  /** What to prove: as it lies on disk now, or as it lay before where that cannot be read. */
  context(): SecureContext
}

const files = ['ca.pem', 'cert.pem', 'key.pem'] as const

/** Throws, naming the file, where the bundle cannot be used from the start. */
export function openClientBundle(folder: string): ClientBundle {
  let known = readContext(folder)
  const leaf = new X509Certificate(known.cert)
  return {
    subject: leaf.subject.replaceAll('\n', ', '),
    notAfter: new Date(leaf.validTo),
    context() {
      try {
        if (stampOf(folder) !== known.stamp) known = readContext(folder)
      } catch {
        // A bundle that is being replaced may be half there for a moment; the earlier one still serves.
      }
      return known.context
    },
  }
}

function readContext(folder: string): {
  readonly stamp: string
  readonly cert: string
  readonly context: SecureContext
} {
  // Taken before the files are read: what changes in between is then read once more, never missed.
  const stamp = stampOf(folder)
  const [ca = '', cert = '', key = ''] = files.map((name) => readOne(folder, name))
  try {
    return { stamp, cert, context: createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' }) }
  } catch (error) {
    throw new Error(`the bundle in "${folder}" cannot be used: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

function readOne(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch (error) {
    throw new Error(`"${join(folder, name)}" cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

function stampOf(folder: string): string {
  return files
    .map((name) => {
      const { mtimeMs, ino, size } = statSync(join(folder, name))
      return `${ino} ${mtimeMs} ${size}`
    })
    .join()
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && error.code === 'ENOENT' ? 'there is no such file' : error.message
}
