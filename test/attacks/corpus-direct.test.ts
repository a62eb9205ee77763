import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { corpus, play } from '../helpers/corpus.ts'
import { onEngine } from '../helpers/engine.ts'
import { engineDoor } from '../helpers/raw-http.ts'

// Without this, a mistake in the corpus or in how it is played would look like a gateway that holds.
const anybody = { door: engineDoor, workshop: engineDoor, labels: {} }
const cast = { own: anybody, victim: anybody }
const { Version } = await onEngine<{ Version: string }>('/version')
const skip = Version.startsWith('20.10.') ? false : `observed on Docker 20.10, this is ${Version}`

describe('straight on the engine', { skip, concurrency: 2 }, () => {
  for (const entry of corpus) {
    if (entry.replay !== 'safe') continue
    it(`${entry.id} has its effect: ${entry.effect}`, async () => {
      const { answer, effect } = await play(entry, cast)
      const shown = `${answer?.status} ${answer?.body.toString()}`
      assert.equal(effect, entry.seen, shown)
    })
  }
})
