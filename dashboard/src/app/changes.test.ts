import type { Event } from '@contract/workspace'
import { type InfiniteData, InfiniteQueryObserver, QueryClient } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { Changes } from './changes'

const KEY = ['runs']
type Page = { name: string; state: string }
const event = (name: string, state: string) => ({ name, type: state }) as unknown as Event

/** A list of one thing a page, of which the second page is answered when the test says so. */
async function list() {
  const queries = new QueryClient()
  let answer: (page: Page) => void = () => undefined
  const second = new Promise<Page>((resolve) => {
    answer = resolve
  })
  const observer = new InfiniteQueryObserver(queries, {
    queryKey: KEY,
    initialPageParam: 1,
    queryFn: async ({ pageParam }): Promise<Page> =>
      pageParam === 1 ? { name: 'first', state: 'RUNNING' } : second,
    getNextPageParam: (_: Page, pages: Page[]) => pages.length + 1,
  })
  const stop = observer.subscribe(() => undefined)
  await observer.refetch()
  const changes = new Changes(queries, KEY, (events) =>
    queries.setQueryData<InfiniteData<Page>>(KEY, (data) => {
      if (!data) return data
      const later = (page: Page) => events.findLast((each) => each.name === page.name)?.type
      return { ...data, pages: data.pages.map((page) => ({ ...page, state: later(page) ?? page.state })) }
    }),
  )
  const states = () => queries.getQueryData<InfiniteData<Page>>(KEY)?.pages.map((page) => page.state)
  return { observer, answer, changes, states, stop }
}

test('what happens while the next page is read holds, though the read puts back what was before', async () => {
  const { observer, answer, changes, states, stop } = await list()
  const reading = observer.fetchNextPage()
  changes.take([event('first', 'COMPLETED')])
  expect(states()).toEqual(['COMPLETED'])
  changes.settle()
  answer({ name: 'second', state: 'RUNNING' })
  await reading
  expect(states()).toEqual(['RUNNING', 'RUNNING'])
  changes.settle()
  expect(states()).toEqual(['COMPLETED', 'RUNNING'])
  stop()
})

test('what was missed comes before what happens next, and once', async () => {
  const { observer, answer, changes, states, stop } = await list()
  const reading = observer.fetchNextPage()
  changes.take([event('first', 'STOPPING')])
  answer({ name: 'second', state: 'RUNNING' })
  await reading
  changes.take([event('first', 'STOPPED')])
  changes.settle()
  expect(states()).toEqual(['STOPPED', 'RUNNING'])
  stop()
})
