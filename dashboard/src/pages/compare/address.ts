// Which runs are compared, and with which: all of it stands in the address.

export const FEWEST = 2
export const MOST = 200

/** The ids that an address names, each once: "a+b" there is "a b" here. */
export function idsOf(runs = ''): string[] {
  return [...new Set(runs.split(/[\s,]+/).filter(Boolean))]
}

/** What an address names such runs by. */
export function namedBy(ids: readonly string[]): string {
  return ids.join(' ')
}

/** A run's id may be anything in an address; only what may be one is asked for. */
export function isId(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text)
}
