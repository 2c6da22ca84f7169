// What became of a resource, which is no resource itself: read page by page, and anew with what it is about.
import type { Event } from '@contract/workspace'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { useFeedEvents, useProject } from './project'
import { useMore } from './useMore'
import type { Page } from './usePaged'
import { useSoon } from './useSoon'

type Source<T> = {
  /** What tells this history from others of the project. */
  key: readonly string[]
  /** How the names begin whose changes add to it. */
  about: string
  read: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>
}

export function useHistory<T>({ key: own, about, read }: Source<T>) {
  const { key } = useProject()
  const query = useInfiniteQuery({
    queryKey: [...key, ...own],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  useChanged(about, query.refetch)
  const items = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  return { ...query, items, more: useMore(query) }
}

/** Calls within a second of a change of what is named so. */
export function useChanged(prefix: string, refetch: () => Promise<unknown>): void {
  const refresh = useSoon(refetch)
  const onEvents = useCallback(
    (events: Event[]) => {
      if (events.some(({ name }) => name.startsWith(prefix))) refresh()
    },
    [prefix, refresh],
  )
  useFeedEvents(onEvents)
}
