import { MutationObserver, QueryObserver, type QueryObserverOptions } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { newQueryClient } from './queries'

/** How often something is read that is shown, left, and shown again at once. */
async function readings(options: Partial<QueryObserverOptions>): Promise<number> {
  let count = 0
  const queries = newQueryClient()
  const queryFn = async () => ++count
  for (let visit = 0; visit < 2; visit += 1) {
    const observer = new QueryObserver(queries, {
      queryKey: ['project', 'a', 'b', 'run'],
      queryFn,
      ...options,
    })
    await new Promise<void>((resolve) => {
      const look = () => observer.getCurrentResult().fetchStatus === 'idle' && resolve()
      observer.subscribe(look)
      look()
    })
    observer.destroy()
  }
  return count
}

test('what was left is read again: nobody heard of its changes meanwhile', async () => {
  expect(await readings({})).toBe(2)
})

test('what never changes is read once', async () => {
  expect(await readings({ staleTime: Number.POSITIVE_INFINITY })).toBe(1)
})

test('what was sent is kept no longer than it is shown', async () => {
  const queries = newQueryClient()
  const observer = new MutationObserver(queries, { mutationFn: async (password: string) => password.length })
  const leave = observer.subscribe(() => undefined)
  await observer.mutate('correct horse battery staple')
  expect(queries.getMutationCache().getAll()).toHaveLength(1)
  leave()
  await new Promise<void>((resolve) => {
    const look = () => queries.getMutationCache().getAll().length === 0 && resolve()
    queries.getMutationCache().subscribe(look)
    look()
  })
})
