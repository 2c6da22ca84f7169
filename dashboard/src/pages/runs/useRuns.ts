// The runs of a project: read page by page, and kept as they are by the feed.

import { CountRuns, type Event, ListRuns, type ListRunsResponse, type Run } from '@contract/workspace'
import { type InfiniteData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo } from 'react'
import { Changes } from '@/app/changes'
import { settled, useFeedEvents, useProject } from '@/app/project'
import { useMore } from '@/app/useMore'
import { useSoon } from '@/app/useSoon'
import { applyEvents, mergeHead } from './applyEvents'

const PAGE_SIZE = 100
type Pages = InfiniteData<ListRunsResponse, string>

/** The runs that match a filter, in an order of `views.ts`. */
export function useRuns(filter: string, orderBy = '') {
  const { client, feed, key, name } = useProject()
  const queryKey = useMemo(() => [...key, 'runs', filter, orderBy], [key, filter, orderBy])
  const read = useCallback(
    (pageToken: string, signal?: AbortSignal) =>
      client.call(ListRuns, { parent: name, pageSize: PAGE_SIZE, filter, orderBy, pageToken }, { signal }),
    [client, name, filter, orderBy],
  )
  // Any new run belongs to it, at its beginning.
  const isWhole = !filter && !orderBy
  const query = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      settled(
        feed,
        () => read(pageParam, signal),
        (page, events) => applyEvents(page, events, pageParam === '' && isWhole),
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const runs = useMemo(() => query.data?.pages.flatMap((page) => page.runs) ?? [], [query.data])
  useLiveRuns(queryKey, { isWhole, isNewestFirst: !orderBy }, read, query.isFetching)
  return { ...query, runs, more: useMore(query) }
}

type Shown = { isWhole: boolean; isNewestFirst: boolean }

/** Patches what is shown at once; what the page cannot judge, whether and where a run belongs in it, it asks for. */
function useLiveRuns(
  queryKey: unknown[],
  { isWhole, isNewestFirst }: Shown,
  read: (pageToken: string) => Promise<ListRunsResponse>,
  isFetching: boolean,
) {
  const { feed } = useProject()
  const queries = useQueryClient()
  const refreshHead = useSoon(async () => {
    if (!queries.getQueryData(queryKey)) return
    const head = await settled(
      feed,
      () => read(''),
      (page, events) => applyEvents(page, events, false),
    )
    queries.setQueryData<Pages>(queryKey, (data) => data && { ...data, pages: mergeHead(data.pages, head) })
  })
  // The end of a list that begins with the oldest may be anywhere behind what was read.
  const refreshAll = useSoon(() => queries.invalidateQueries({ queryKey }))
  const refresh = isNewestFirst ? refreshHead : refreshAll
  const patch = useCallback(
    (events: Event[]) => {
      if (!events.some((event) => event.resourceType === 'weft.dev/Run')) return
      queries.setQueryData<Pages>(queryKey, (data) => {
        if (!data) return data
        const pages = data.pages.map((page, at) => applyEvents(page, events, at === 0 && isWhole))
        return { ...data, pages }
      })
      if (!isWhole) refresh()
    },
    [queries, queryKey, isWhole, refresh],
  )
  const changes = useMemo(() => new Changes(queries, queryKey, patch), [queries, queryKey, patch])
  useFeedEvents(changes.take)
  useEffect(() => {
    if (!isFetching) changes.settle()
  }, [changes, isFetching])
}

/** How many runs are in each state. */
export function useRunCounts() {
  const { client, key, name } = useProject()
  const queries = useQueryClient()
  const queryKey = useMemo(() => [...key, 'run-counts'], [key])
  const counts = useQuery({
    queryKey,
    queryFn: async ({ signal }) => (await client.call(CountRuns, { parent: name }, { signal })).counts,
  })
  const refresh = useSoon(() => queries.invalidateQueries({ queryKey }))
  const onEvents = useCallback(
    (events: Event[]) => {
      if (events.some((event) => event.resourceType === 'weft.dev/Run')) refresh()
    },
    [refresh],
  )
  useFeedEvents(onEvents)
  return counts.data ?? {}
}

export type { Run }
