// One run and its steps, kept as they are by the feed.

import { type Event, GetRun, GetSnapshot, GetStep, ListSteps, type Run, type Step } from '@contract/workspace'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import type { Client } from '@/api/client'
import { settled, useFeedEvents, useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'

type Steps = { steps: Step[]; revision: string }

export function useRun(id: string) {
  const { client, feed, key, name: project } = useProject()
  const queries = useQueryClient()
  const name = `${project}/runs/${id}`
  const queryKey = useMemo(() => [...key, 'run', name], [key, name])
  const onEvents = useCallback(
    (events: Event[]) => queries.setQueryData<Run>(queryKey, (run) => run && newest(run, events)),
    [queries, queryKey],
  )
  useFeedEvents(onEvents)
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => settled(feed, () => client.call(GetRun, { name }, { signal }), newest),
  })
}

/** The run after changes: the newest that they hold. */
function newest(run: Run, events: Event[]): Run {
  const later = events.findLast((event) => event.name === run.name && event.run)
  if (!later?.run || Number(later.revision) <= Number(run.revision)) return run
  // Lists, and so events, leave out what only a single answer has.
  return { ...run, ...later.run }
}

/** All steps of a run, in the order of its graph. */
export function useSteps(run: string) {
  const { client, feed, key } = useProject()
  const queries = useQueryClient()
  const queryKey = useMemo(() => [...key, 'steps', run], [key, run])
  const onEvents = useCallback(
    (events: Event[]) =>
      queries.setQueryData<Steps>(queryKey, (data) => data && withEvents(data, events, run)),
    [queries, queryKey, run],
  )
  useFeedEvents(onEvents)
  return useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      settled<Steps>(
        feed,
        () => readSteps(client, run, signal),
        (data, events) => withEvents(data, events, run),
      ),
  })
}

/** All steps of a run, page by page. */
export async function readSteps(client: Client, run: string, signal: AbortSignal): Promise<Steps> {
  const steps: Step[] = []
  let pageToken = ''
  let revision = ''
  do {
    const page = await client.call(ListSteps, { parent: run, pageSize: 500, pageToken }, { signal })
    steps.push(...page.steps)
    // What changed since the first page was read is in the feed.
    revision ||= page.revision
    pageToken = page.nextPageToken
  } while (pageToken)
  return { steps, revision }
}

/** One step of a run. */
export function useStep(run: string, id: string) {
  const { client } = useProject()
  const name = `${run}/steps/${id}`
  return useLiveItem<Step>(
    name,
    (signal) => client.call(GetStep, { name }, { signal }),
    (event) => event.step,
  )
}

function withEvents(data: Steps, events: Event[], run: string): Steps {
  const own = events.filter((event) => event.step && event.name.startsWith(`${run}/steps/`))
  if (own.length === 0) return data
  const places = new Map(data.steps.map((step, at) => [step.name, at]))
  const steps = [...data.steps]
  for (const { step } of own) {
    if (!step) continue
    const at = places.get(step.name)
    if (at === undefined) places.set(step.name, steps.push(step) - 1)
    else if (Number(step.revision) >= Number(steps[at]?.revision)) steps[at] = step
  }
  return { ...data, steps }
}

/** The snapshot that a run runs, with its graph; it never changes. */
export function useSnapshot(name: string) {
  const { client, key } = useProject()
  return useQuery({
    queryKey: [...key, 'snapshot', name],
    queryFn: ({ signal }) => client.call(GetSnapshot, { name }, { signal }),
    enabled: !!name,
    staleTime: Number.POSITIVE_INFINITY,
  })
}
