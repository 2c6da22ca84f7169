// The graph of a run, kept as it is by the feed: of each step only what is drawn.
import { type Event, GetRunGraph, type RunGraph, type Step } from '@contract/workspace'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { settled, useFeedEvents, useProject } from '@/app/project'
import { readSteps } from '../useRun'

/** What of a step is drawn. */
export type DrawnStep = Pick<Step, 'stepId' | 'upstream' | 'state' | 'mapGroup'>
export type Drawn = { steps: DrawnStep[]; revision: string }

/** All steps of a run, as its graph draws them: one answer, where a list would be many pages. */
export function useGraph(run: string) {
  const { client, feed, key } = useProject()
  const queries = useQueryClient()
  const queryKey = useMemo(() => [...key, 'graph', run], [key, run])
  const onEvents = useCallback(
    (events: Event[]) =>
      queries.setQueryData<Drawn>(queryKey, (drawn) => drawn && withEvents(drawn, events, run)),
    [queries, queryKey, run],
  )
  useFeedEvents(onEvents)
  return useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      settled<Drawn>(
        feed,
        async () => {
          const graph = await client.call(GetRunGraph, { name: run, showItems: true }, { signal })
          // What one answer cannot hold is read as the list that it is.
          return graph.truncated ? readSteps(client, run, signal) : drawnOf(graph)
        },
        (drawn, events) => withEvents(drawn, events, run),
      ),
  })
}

export function drawnOf({ steps, edges, revision }: RunGraph): Drawn {
  const upstream = new Map<string, string[]>(steps.map(({ stepId }) => [stepId, []]))
  // Edges with a slot lead from or to an artifact version.
  for (const { source, target, slot } of edges) if (!slot) upstream.get(target)?.push(source)
  const drawn = steps.map(({ stepId, state, mapGroup }) => {
    return { stepId, state, mapGroup, upstream: upstream.get(stepId) ?? [] }
  })
  return { steps: drawn, revision }
}

/** Steps as they are after changes; one that is known already stays where it is. */
export function withEvents(drawn: Drawn, events: Event[], run: string): Drawn {
  const later = events.filter(
    ({ step, name, revision }) =>
      step && name.startsWith(`${run}/steps/`) && Number(revision) > Number(drawn.revision),
  )
  if (later.length === 0) return drawn
  const places = new Map(drawn.steps.map((step, at) => [step.stepId, at]))
  const steps = [...drawn.steps]
  for (const { step } of later) {
    if (!step) continue
    const at = places.get(step.stepId)
    if (at === undefined) places.set(step.stepId, steps.push(step) - 1)
    else steps[at] = step
  }
  // A revision may come in parts: what was read stays the measure of what is new.
  return { ...drawn, steps }
}
