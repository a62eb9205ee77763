// What a role may ask of what it creates: one frozen value, every limit present, safe by default.

export interface Limits {
  readonly privileged: boolean
}

export const safeLimits: Limits = Object.freeze({ privileged: false })
