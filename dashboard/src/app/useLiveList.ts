// A list that is read page by page, and kept as it is by the feed.
import type { Event } from '@contract/workspace'
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useRef } from 'react'
import { settled, useFeedEvents, useProject } from './project'
import { useMore } from './useMore'
import { useSoon } from './useSoon'

export type Item = { name: string; revision: string }
export type ListPage<T> = { items: T[]; nextPageToken: string; revision: string }
export type ListSource<T extends Item> = {
  /** What tells this list from others of the project: its noun, its filter. */
  key: readonly string[]
  read: (pageToken: string, signal: AbortSignal) => Promise<ListPage<T>>
  /** Whether an event may change the list. */
  concerns: (event: Event) => boolean
  /** What an event says of an item. */
  itemOf: (event: Event) => T | undefined
}

/**
 * What one sees changes at once. What the page cannot judge, where something new stands and
 * whether a filter holds, it asks the server for, a second later at most.
 */
export function useLiveList<T extends Item>(source: ListSource<T>) {
  const { feed, key } = useProject()
  const queries = useQueryClient()
  const latest = useRef(source)
  latest.current = source
  const id = source.key.join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the id is the whole of the key.
  const queryKey = useMemo(() => [...key, ...source.key], [key, id])
  const query = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      settled<ListPage<T>>(
        feed,
        () => latest.current.read(pageParam, signal),
        (page, events) => withEvents(page, events, latest.current.itemOf),
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const refresh = useSoon(() => queries.invalidateQueries({ queryKey }))
  const onEvents = useCallback(
    (events: Event[]) => {
      const mine = events.filter((event) => latest.current.concerns(event))
      if (mine.length === 0) return
      queries.setQueryData<InfiniteData<ListPage<T>, string>>(queryKey, (data) => {
        if (!data) return data
        return { ...data, pages: data.pages.map((page) => withEvents(page, mine, latest.current.itemOf)) }
      })
      refresh()
    },
    [queries, queryKey, refresh],
  )
  useFeedEvents(onEvents)
  const items = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  return { ...query, items, more: useMore(query) }
}

/** A page with what changes say of the items that it has. */
export function withEvents<T extends Item>(
  page: ListPage<T>,
  events: Event[],
  itemOf: (event: Event) => T | undefined,
): ListPage<T> {
  let { items } = page
  for (const event of events) {
    const at = items.findIndex(({ name }) => name === event.name)
    const item = itemOf(event)
    if (at < 0) continue
    if (event.type === 'EVENT_TYPE_DELETED') items = items.toSpliced(at, 1)
    else if (item && Number(item.revision) >= Number(items[at]?.revision)) items = items.with(at, item)
  }
  return items === page.items ? page : { ...page, items }
}
