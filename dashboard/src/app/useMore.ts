// What follows the last page that was read of a list.
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import type { More } from '@/ui/VirtualTable'

type Pages = Pick<
  UseInfiniteQueryResult,
  'error' | 'fetchNextPage' | 'hasNextPage' | 'isFetching' | 'isFetchingNextPage' | 'isFetchNextPageError'
>

/** Nothing is read on while anything is being read, nor after a page that failed: then somebody asks for it. */
export function useMore(query: Pages): More {
  const { error, fetchNextPage, hasNextPage, isFetching, isFetchingNextPage, isFetchNextPageError } = query
  const retry = useCallback(() => void fetchNextPage(), [fetchNextPage])
  const readOn = useCallback(() => {
    if (hasNextPage && !isFetching && !isFetchNextPageError) retry()
  }, [hasNextPage, isFetching, isFetchNextPageError, retry])
  const failure = isFetchNextPageError ? error : null
  return useMemo(
    () => ({ isMore: hasNextPage, isReading: isFetchingNextPage, readOn, error: failure, retry }),
    [hasNextPage, isFetchingNextPage, readOn, failure, retry],
  )
}
