// A browser keeps six connections to an origin over HTTP/1.1, and the feed and the rest of the page need theirs.
const AT_ONCE = 4

/** Calls for each item, a few at a time; answers in the order of the items, or raises what the first refusal says. */
export async function inParallel<T, A>(items: readonly T[], call: (item: T) => Promise<A>): Promise<A[]> {
  const answers: A[] = []
  const rest = items.entries()
  let isRefused = false
  async function work() {
    for (const [at, item] of rest) {
      if (isRefused) return
      answers[at] = await call(item)
    }
  }
  const refuse = (error: unknown) => {
    isRefused = true
    throw error
  }
  await Promise.all(Array.from({ length: AT_ONCE }, () => work().catch(refuse)))
  return answers
}

/** The items, so many at a time. */
export function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  )
}
