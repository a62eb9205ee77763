// The unix socket that a relay offers: never open to more people than asked, not even for a moment,
// and never taken from somebody who is still listening on it.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'

/** `sun_path` of unix(7) without its final zero; what is longer would be cut to another path. */
const maxPathBytes = 107

export async function listenOnFile(server: Server, path: string, mode: number): Promise<void> {
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new Error(`"${path}" is too long for a unix socket (at most ${maxPathBytes} bytes)`)
  }
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there !== undefined && !there.isSocket()) {
    throw new Error(`"${path}" is there already and is no socket`)
  }
  if (there !== undefined) {
    if (await answers(path)) throw new Error(`somebody listens on "${path}" already`)
    rmSync(path)
  }
  // The file comes into being with the mode that it shall have: nobody slips in before a chmod.
  const before = process.umask(0o777 & ~mode)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`cannot listen on "${path}": ${code ?? message}`, { cause: error })
  } finally {
    process.umask(before)
  }
  chmodSync(path, mode)
}

/** Whether a process still accepts there; the file of one that died stays behind without it. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(new Error(`cannot tell who listens on "${path}": ${error.code ?? error.message}`))
    })
  })
}
