import { Code, isCode } from '@/api/errors'

export type Outcome<T> = { done: T[]; refused: { item: T; error: Error }[] }

/** Calls for each item, one after the other. Ends at once, raising it, where the session has ended. */
export async function inTurn<T>(items: T[], call: (item: T) => Promise<unknown>): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], refused: [] }
  for (const item of items) {
    try {
      await call(item)
      outcome.done.push(item)
    } catch (error) {
      if (isCode(error, Code.unauthenticated) || !(error instanceof Error)) throw error
      outcome.refused.push({ item, error })
    }
  }
  return outcome
}
