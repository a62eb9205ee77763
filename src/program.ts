// Where the program lies, for whatever starts it once more. Beside main.js, in one file with it or not.
import { join } from 'node:path'

export const program = join(import.meta.dirname, 'main.js')
