import type { Event } from '@contract/workspace'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useRef } from 'react'
import { settled, useFeedEvents, useProject } from './project'
import type { Item } from './useLiveList'
import { useSoon } from './useSoon'

/** One resource by its name or an alias of it, kept as it is by the feed. */
export function useLiveItem<T extends Item>(
  name: string,
  read: (signal: AbortSignal) => Promise<T>,
  itemOf: (event: Event) => T | undefined,
) {
  const { feed, key } = useProject()
  const queries = useQueryClient()
  const queryKey = useMemo(() => [...key, 'item', name], [key, name])
  const beside = name.slice(0, name.lastIndexOf('/') + 1)
  // What an alias leads to, "production" say, is another one as soon as something beside it took its place.
  const follow = useSoon(async () => {
    const item = queries.getQueryData<T>(queryKey)
    if (item && item.name !== name) await queries.invalidateQueries({ queryKey })
  })
  const latest = useRef(itemOf)
  latest.current = itemOf
  const onEvents = useCallback(
    (events: Event[]) => {
      queries.setQueryData<T>(queryKey, (item) => item && newest(item, events, latest.current))
      const own = queries.getQueryData<T>(queryKey)?.name ?? name
      // One that was too large for the feed says only that there was a change.
      if (events.some((event) => event.name === own && event.truncated))
        void queries.invalidateQueries({ queryKey })
      if (events.some((event) => event.name.startsWith(beside))) follow()
    },
    [queries, queryKey, name, beside, follow],
  )
  useFeedEvents(onEvents)
  return useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      settled<T>(
        feed,
        () => read(signal),
        (item, events) => newest(item, events, latest.current),
      ),
  })
}

function newest<T extends Item>(item: T, events: Event[], itemOf: (event: Event) => T | undefined): T {
  const said = events.findLast((event) => event.name === item.name && !event.truncated && itemOf(event))
  const later = said && itemOf(said)
  if (!later || Number(later.revision) <= Number(item.revision)) return item
  // Lists, and so events, leave out what only a single answer has.
  return { ...item, ...later }
}
