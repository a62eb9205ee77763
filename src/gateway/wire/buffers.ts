// Memory to read the engine's answers into: one buffer for everybody's small ones, whose bytes must be
// taken at once, and larger ones on loan to streams, which come back when they were written out.

/** As much as one read may bring; larger ones leave the processor's cache. */
export const bufferBytes = 128 * 1024
const maxSpare = 32

export const common = Buffer.allocUnsafeSlow(bufferBytes)
const spare: Buffer[] = []

export function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)
}

export function giveBuffer(buffer: Buffer): void {
  if (spare.length < maxSpare) spare.push(buffer)
}
