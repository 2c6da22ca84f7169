/** Whether a verb is held. Before the answer is there none is, and nobody may be told that it is refused. */
export type May<V extends string> = ((verb: V) => boolean) & { readonly isKnown: boolean }

/** From the verbs that are held; undefined while they are not known: they are being read, or could not be. */
export function mayOf<V extends string>(held: readonly string[] | undefined): May<V> {
  const verbs = new Set(held)
  return Object.assign((verb: V) => verbs.has(verb), { isKnown: held !== undefined })
}
