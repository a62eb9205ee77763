// How many streams each client has open, in all and by each role that limits them. One count for all
// processes that serve.

export interface StreamAsked {
  readonly who: string
  readonly most: number
  readonly role: string
  /** Null where the role says nothing of it. */
  readonly ofRole: number | null
}

/** Whose limit it met, or what is to be called at its end. */
export type Counted = 'client' | 'role' | (() => void)

export type CountStream = (asked: StreamAsked) => Counted | Promise<Counted>

interface Open {
  all: number
  readonly byRole: Map<string, number>
}

export function createStreamCounts(): (asked: StreamAsked) => Counted {
  const clients = new Map<string, Open>()

  return ({ who, most, role, ofRole }) => {
    const open = clients.get(who) ?? { all: 0, byRole: new Map() }
    const has = open.byRole.get(role) ?? 0
    if (open.all >= most) return 'client'
    if (ofRole !== null && has >= ofRole) return 'role'
    open.all++
    if (ofRole !== null) open.byRole.set(role, has + 1)
    clients.set(who, open)
    return () => {
      open.all--
      if (open.all === 0) clients.delete(who)
      if (ofRole === null) return
      const left = (open.byRole.get(role) ?? 1) - 1
      if (left === 0) open.byRole.delete(role)
      else open.byRole.set(role, left)
    }
  }
}
