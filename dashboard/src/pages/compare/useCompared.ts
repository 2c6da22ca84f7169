// Runs that are compared, with what is known beside them: read in few requests, and kept as they are by the feed.

import { type Event, ListRuns, type ListRunsResponse, ListSteps, type Step } from '@contract/workspace'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { settled, useFeedEvents, useProject } from '@/app/project'
import { type ListPage, withEvents } from '@/app/useLiveList'
import { useSoon } from '@/app/useSoon'
import { groupBy } from '../run/groupBy'
import { applyEvents } from '../runs/applyEvents'
import { isId } from './address'
import { inGroups, inParallel } from './inParallel'

/** As many as a filter can name. */
export const AT_A_TIME = 20
const PAGE_SIZE = 500

/** Those of the runs that are there, by their ids. */
export function useComparedRuns(ids: readonly string[]) {
  const { client, feed, key, name: parent } = useProject()
  const queries = useQueryClient()
  const id = ids.join(' ')
  const queryKey = useMemo(() => [...key, 'compared-runs', id], [key, id])
  const onEvents = useCallback(
    (events: Event[]) => {
      queries.setQueryData<ListRunsResponse>(queryKey, (page) => page && patched(page, events))
      // One that was too large for the feed says only that there was a change.
      if (events.some((event) => event.truncated && event.resourceType === 'weft.dev/Run'))
        void queries.invalidateQueries({ queryKey })
    },
    [queries, queryKey],
  )
  useFeedEvents(onEvents)
  const found = useQuery({
    queryKey,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      settled<ListRunsResponse>(
        feed,
        async () => {
          const groups = inGroups(ids.filter(isId), AT_A_TIME)
          const pages = await inParallel(groups, (group) => {
            const filter = anyOf('id', group)
            return client.call(ListRuns, { parent, filter, pageSize: AT_A_TIME }, { signal })
          })
          const runs = pages.flatMap((page) => page.runs)
          return { runs, nextPageToken: '', revision: oldest(pages) }
        },
        patched,
      ),
  })
  const runs = useMemo(() => new Map(found.data?.runs.map((run) => [run.name, run])), [found.data])
  return { ...found, runs }
}

function patched(page: ListRunsResponse, events: Event[]): ListRunsResponse {
  return applyEvents(page, events, false)
}

/** The steps of runs by their names, items of fan-outs aside. */
export function useComparedSteps(runs: readonly string[]) {
  const { client, feed, key } = useProject()
  const queries = useQueryClient()
  const id = runs.join(' ')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the id is the whole of the key.
  const [queryKey, mine] = useMemo(() => [[...key, 'compared-steps', id], new Set(runs)], [key, id])
  const refresh = useSoon(() => queries.invalidateQueries({ queryKey }))
  const onEvents = useCallback(
    (events: Event[]) => {
      const own = events.filter(({ step, name }) => step && !step.mapGroup && mine.has(runOf(name)))
      if (own.length === 0) return
      queries.setQueryData<ListPage<Step>>(queryKey, (page) => page && withEvents(page, own, stepOf))
      if (own.some(({ type, truncated }) => type === 'EVENT_TYPE_CREATED' || truncated)) refresh()
    },
    [queries, queryKey, mine, refresh],
  )
  useFeedEvents(onEvents)
  const found = useQuery({
    queryKey,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      settled<ListPage<Step>>(
        feed,
        async () => {
          const read = (parent: string, pageToken: string) => {
            const request = { parent, filter: 'map_group = ""', pageSize: PAGE_SIZE, pageToken }
            return client.call(ListSteps, request, { signal })
          }
          const pages = (await inParallel(runs, (run) => allPages((token) => read(run, token)))).flat()
          return { items: pages.flatMap((page) => page.steps), nextPageToken: '', revision: oldest(pages) }
        },
        (page, events) => withEvents(page, events, stepOf),
      ),
  })
  const steps = useMemo(
    () => found.data && groupBy(found.data.items, ({ name }) => runOf(name)),
    [found.data],
  )
  return { steps, error: found.error }
}

/** A filter for what has one of the values. */
export function anyOf(field: string, values: readonly string[]): string {
  return values.map((value) => `${field} = ${JSON.stringify(value)}`).join(' OR ')
}

type Page = { nextPageToken: string }

export async function allPages<P extends Page>(read: (token: string) => Promise<P>): Promise<P[]> {
  const pages = [await read('')]
  for (let token = pages[0]?.nextPageToken; token; token = pages.at(-1)?.nextPageToken)
    pages.push(await read(token))
  return pages
}

/** What changed since the first of several answers is in the feed. */
function oldest(pages: readonly { revision: string }[]): string {
  return String(Math.min(...pages.map(({ revision }) => Number(revision))))
}

function stepOf(event: Event): Step | undefined {
  return event.truncated ? undefined : event.step
}

/** "projects/p/runs/r" of "projects/p/runs/r/steps/s". */
export function runOf(step: string): string {
  return step.split('/').slice(0, 4).join('/')
}
