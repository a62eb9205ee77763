// Names of images that are being given away. A build or a pull takes minutes and gives its names at its
// end, when they may have become somebody else's; nobody should wait so long, so that whoever comes
// second with another's name is told that it is taken.

export interface Claimant {
  /** Whose the thing will be. */
  readonly who: string
  /** Its names are moved by a registry, for one as for another. */
  readonly pulls: boolean
}

/** Gives what gives the names back; undefined where somebody else has claimed one. */
export type ClaimNames = (
  names: readonly string[],
  claimant: Claimant,
) => Promise<(() => void) | undefined>

export function createClaims(): ClaimNames {
  const claimed = new Map<string, Set<Claimant>>()

  return async (names, { who, pulls }) => {
    const isForeign = (other: Claimant): boolean => other.who !== who && !(other.pulls && pulls)
    if (names.some((name) => [...(claimed.get(name) ?? [])].some(isForeign))) return undefined
    const own: Claimant = { who, pulls }
    for (const name of names) claimed.set(name, (claimed.get(name) ?? new Set()).add(own))
    return () => {
      for (const name of names) {
        const left = claimed.get(name)
        left?.delete(own)
        if (left?.size === 0) claimed.delete(name)
      }
    }
  }
}
