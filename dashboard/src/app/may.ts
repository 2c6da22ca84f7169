type Held = { data: readonly string[] | undefined; error: Error | null; refetch: () => unknown }

/** Whether a verb is held. Before the answer is there none is, and nobody may be told that it is refused. */
export type May<V extends string> = ((verb: V) => boolean) & {
  readonly isKnown: boolean
  /** Why it is not known, where it could not be read. */
  readonly error: Error | null
  readonly retry: () => unknown
}

/** From the verbs that are held, as they were read. */
export function mayOf<V extends string>({ data, error, refetch }: Held): May<V> {
  const verbs = new Set(data)
  const isKnown = data !== undefined
  return Object.assign((verb: V) => verbs.has(verb), {
    isKnown,
    error: isKnown ? null : error,
    retry: refetch,
  })
}
