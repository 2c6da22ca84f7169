// Lists of the control plane, which has no feed: read page by page, and read again every little while.

import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'

const REFRESH_MS = 10_000
// Of longer lists only the first reading is cheap: they are read again when somebody comes back to them.
const REFRESHED_PAGES = 2

export type Page<T> = { items: T[]; nextPageToken: string }

export type Paged<T> = {
  items: T[]
  error: Error | null
  isPending: boolean
  isMore: boolean
  readOn: () => void
  retry: () => unknown
}

export function usePaged<T>(
  queryKey: QueryKey,
  read: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>,
): Paged<T> {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery({
      queryKey,
      initialPageParam: '',
      queryFn: ({ pageParam, signal }) => read(pageParam, signal),
      getNextPageParam: (page) => page.nextPageToken || undefined,
      refetchInterval: (query) =>
        (query.state.data?.pages.length ?? 0) <= REFRESHED_PAGES ? REFRESH_MS : false,
      refetchOnWindowFocus: true,
    })
  const items = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const readOn = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage()
  }, [isFetchingNextPage, fetchNextPage])
  return { items, error, isPending, isMore: hasNextPage, readOn, retry: refetch }
}
