// The pipelines of a project and how they last went: as they are now.
import { type Event, GetLatestRuns, GetPipeline, ListPipelines, type Pipeline } from '@contract/workspace'
import { type UseQueryResult, useQueries, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { idOf } from '@/api/session'
import { settled, useFeedEvents, useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'
import { useSoon } from '@/app/useSoon'
import { byPipeline, isGap, LATEST_RUNS, type Latest, withRuns } from './latestRuns'

const PAGE_SIZE = 50
const pipelineOf = (event: Event) => event.pipeline

/** The pipelines that match a filter, the newest first. */
export function usePipelines(filter: string) {
  const { client, name: parent } = useProject()
  return useLiveList<Pipeline>({
    key: ['pipelines', filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { pipelines, ...page } = await client.call(ListPipelines, request, { signal })
      return { ...page, items: pipelines }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Pipeline',
    itemOf: pipelineOf,
  })
}

export function usePipeline(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/pipelines/${id}`
  return useLiveItem<Pipeline>(name, (signal) => client.call(GetPipeline, { name }, { signal }), pipelineOf)
}

/** The newest runs of each pipeline by its name, newest first; of one that was not read yet nothing. */
export function useLatestRuns(pipelines: readonly Pipeline[]) {
  const { client, feed, key, name: parent } = useProject()
  const queries = useQueryClient()
  const queryKey = useMemo(() => [...key, 'latest-runs'], [key])
  const found = useQueries({
    queries: chunksOf(pipelines.map(({ name }) => name)).map((names) => ({
      queryKey: [...queryKey, ...names],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        settled<Latest>(
          feed,
          async () => {
            const request = { parent, pipelines: names.map(idOf), limit: LATEST_RUNS }
            return { ...(await client.call(GetLatestRuns, request, { signal })), pipelines: names }
          },
          withRuns,
        ),
    })),
    combine,
  })
  const refresh = useSoon(() => queries.invalidateQueries({ queryKey }))
  const onEvents = useCallback(
    (events: Event[]) => {
      queries.setQueriesData<Latest>({ queryKey }, (latest) => latest && withRuns(latest, events))
      if (events.some(isGap)) refresh()
    },
    [queries, queryKey, refresh],
  )
  useFeedEvents(onEvents)
  return found
}

function combine(results: UseQueryResult<Latest>[]) {
  return {
    runs: byPipeline(results.map(({ data }) => data)),
    error: results.find(({ error }) => error)?.error ?? null,
  }
}

function chunksOf(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / PAGE_SIZE)
  return Array.from({ length: count }, (_, at) => names.slice(at * PAGE_SIZE, (at + 1) * PAGE_SIZE))
}
