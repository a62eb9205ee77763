// Chapter 6 of the benchmark: what lies about. Pure.
import { fine, found, type Check } from '../check.ts'
import { text } from '../inspected.ts'
import { ofEngine } from './of-engine.ts'

/** What docker-bench-security takes for many containers that do not run. */
const manyStopped = 25

export const upkeepChecks: readonly Check[] = [
  ofEngine('6.1', 'info', 'there are more images than are used', {
    mend: '`docker image prune -a`, as somebody who may',
    look({ images, containers }) {
      const used = new Set(containers.map(({ inspect }) => text(inspect, 'Image')))
      const count = images.filter(({ inspect }) => used.has(text(inspect, 'Id'))).length
      const said = `${count} of ${images.length} images are used`
      return count < Math.floor(images.length / 2) ? found(said) : fine(said)
    },
  }),
  ofEngine('6.2', 'info', 'there are many containers that do not run', {
    mend: '`docker container prune`, as somebody who may',
    look({ containers }) {
      const stopped = containers.filter(({ running }) => !running).length
      const said = `${stopped} of ${containers.length} do not run`
      return stopped > manyStopped ? found(said) : fine(said)
    },
  }),
]
