import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { lastWordsFor } from '../../src/gateway/last-words.ts'

function frame(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

/** The payloads of a multiplexed stream, or undefined where it is not made of whole frames. */
function read(stream: Buffer): readonly string[] | undefined {
  const found: string[] = []
  for (let at = 0; at < stream.length;) {
    if (stream.length - at < 8) return undefined
    const length = stream.readUInt32BE(at + 4)
    if (at + 8 + length > stream.length) return undefined
    found.push(`${stream[at]} ${stream.toString('latin1', at + 8, at + 8 + length)}`)
    at += 8 + length
  }
  return found
}

const frames = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.uint8Array({ maxLength: 40 })),
  {
    minLength: 1,
    maxLength: 6,
  },
)

describe('a last word', () => {
  it('is a frame of its own, whatever parts the stream came in, and none within a frame', () => {
    fc.assert(
      fc.property(
        frames,
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 20 })),
        (all, cut, steps) => {
          const whole = Buffer.concat(all.map(([stream, payload]) => frame(stream, payload)))
          const sent = whole.subarray(0, cut % (whole.length + 1))
          const words = lastWordsFor('container.logs')
          assert.ok(words !== undefined)
          let at = 0
          for (const step of [...steps, whole.length]) {
            words.see(sent.subarray(at, at + step))
            at += step
          }
          const last = words.say('why')
          const isBoundary = sent.length > 0 && read(sent) !== undefined
          assert.equal(last !== undefined, isBoundary)
          if (last !== undefined) {
            assert.equal(read(Buffer.concat([sent, last]))?.at(-1), '2 dockgate: why\n')
          }
        },
      ),
    )
  })

  it('is a line where a terminal is, and nothing where nobody knows yet what it is', () => {
    const words = lastWordsFor('exec.start')
    assert.equal(words?.say('why'), undefined)
    words?.see(Buffer.from('$ '))
    assert.equal(words?.say('why')?.toString(), '\r\ndockgate: why\r\n')
  })

  it('is an error in a report of progress, between its lines', () => {
    const words = lastWordsFor('image.build')
    words?.see(Buffer.from('{"stream":"x"}'))
    assert.equal(words?.say('why'), undefined)
    words?.see(Buffer.from('\r\n'))
    const said = JSON.parse(words?.say('why')?.toString() ?? '')
    assert.deepEqual(said, { errorDetail: { message: 'dockgate: why' }, error: 'dockgate: why' })
  })

  it('has no room among events', () => {
    assert.equal(lastWordsFor('system.events'), undefined)
  })
})
