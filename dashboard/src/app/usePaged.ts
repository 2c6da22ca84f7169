// Lists of the control plane, which has no feed: read page by page, and read again every little while.

import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { More } from '@/ui/VirtualTable'
import { useMore } from './useMore'

const REFRESH_MS = 10_000
// Of longer lists only the first reading is cheap: they are read again when somebody comes back to them.
const REFRESHED_PAGES = 2

export type Page<T> = { items: T[]; nextPageToken: string }

export type Paged<T> = {
  items: T[]
  error: Error | null
  isPending: boolean
  more: More
  retry: () => unknown
}

export function usePaged<T>(
  queryKey: QueryKey,
  read: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>,
): Paged<T> {
  const query = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: ({ state: { data, status, fetchMeta } }) => {
      // Its refusal would be gone with the next reading, and the page asked for over and over.
      const isNextPageMissing = status === 'error' && !!fetchMeta?.fetchMore
      return (data?.pages.length ?? 0) <= REFRESHED_PAGES && !isNextPageMissing && REFRESH_MS
    },
    refetchOnWindowFocus: true,
  })
  const { data, isPending, refetch } = query
  const more = useMore(query)
  const items = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  return { items, error: more.error ? null : query.error, isPending, more, retry: refetch }
}
