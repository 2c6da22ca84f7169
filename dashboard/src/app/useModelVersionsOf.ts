import { type Event, ListModelVersionLinks, ListModelVersions } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { idOf } from '@/api/session'
import { useFeedEvents, useProject } from './project'
import { useSoon } from './useSoon'

const SHOWN = 20

/** The versions of models that a run made or that a run or a version of an artifact is linked to, by name. */
export function useModelVersionsOf(name: string): string[] {
  const { client, key, name: project } = useProject()
  const isRun = name.startsWith(`${project}/runs/`)
  const found = useQuery({
    queryKey: [...key, 'model-versions-of', name],
    queryFn: async ({ signal }) => {
      const filter = `${isRun ? 'run' : 'artifact_version'} = ${JSON.stringify(name)}`
      const linking = { parent: `${project}/models/-/versions/-`, filter, pageSize: SHOWN }
      const making = { parent: `${project}/models/-`, filter: `run = ${JSON.stringify(idOf(name))}` }
      const [{ links }, made] = await Promise.all([
        client.call(ListModelVersionLinks, linking, { signal }),
        isRun ? client.call(ListModelVersions, { ...making, pageSize: SHOWN }, { signal }) : undefined,
      ])
      const names = [
        ...(made?.modelVersions ?? []).map((version) => version.name),
        ...links.map(({ modelVersion }) => modelVersion),
      ]
      return [...new Set(names)]
    },
  })
  const refresh = useSoon(() => found.refetch())
  const onEvents = useCallback(
    (events: Event[]) => {
      // What is linked or taken away is a change of the model's version.
      if (events.some(({ resourceType }) => resourceType === 'weft.dev/ModelVersion')) refresh()
    },
    [refresh],
  )
  useFeedEvents(onEvents)
  return found.data ?? []
}
