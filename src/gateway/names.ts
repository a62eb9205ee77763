// The name that people know for what a session is about: clients send ids. Asked of the engine only
// for whoever looks at the sessions, and remembered.
import { resolveReferences } from './resolve.ts'
import type { Engine } from './engine.ts'
import type { Session } from './sessions.ts'

const askMs = 1_000

export function createNames(engine: Engine): (session: Session) => Promise<string | null> {
  const known = new WeakMap<Session, string | null>()

  return async (session) => {
    const found = known.get(session)
    if (found !== undefined) return found
    const { asked, things } = session.basis
    const target = asked.references.find(({ wants }) => wants === 'target')
    let name: string | null = null
    if (target !== undefined) {
      let late: NodeJS.Timeout | undefined
      const silence = new Promise<undefined>((resolve) => {
        late = setTimeout(() => resolve(undefined), askMs)
      })
      try {
        const meant = things ?? (await Promise.race([resolveReferences(engine, [target]), silence]))
        const thing = meant?.get(target)
        name = (thing?.container ?? thing)?.name ?? target.name
      } catch {
        name = target.name
      } finally {
        clearTimeout(late)
      }
    }
    known.set(session, name)
    return name
  }
}
