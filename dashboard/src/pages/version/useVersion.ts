import {
  type ArtifactVersion,
  type Event,
  GetArtifactVersion,
  GetLineage,
  type LineageEdge,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { useFeedEvents, useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useSoon } from '@/app/useSoon'

/** A version by its number or alias. What it holds never changes; what is said of it does. */
export function useVersion(artifact: string, id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/artifacts/${artifact}/versions/${id}`
  return useLiveItem<ArtifactVersion>(
    name,
    (signal) => client.call(GetArtifactVersion, { name }, { signal }),
    (event) => event.artifactVersion,
  )
}

/** The steps that took a version, with the name of the input: it is read again as steps start. */
export function useConsumers(version: string) {
  const { client, key } = useProject()
  const consumers = useQuery({
    queryKey: [...key, 'consumers', version],
    queryFn: async ({ signal }) => {
      const edges: LineageEdge[] = []
      let pageToken = ''
      do {
        const request = {
          name: version,
          direction: 'LINEAGE_DIRECTION_DOWNSTREAM',
          depth: 1,
          pageToken,
        } as const
        const page = await client.call(GetLineage, request, { signal })
        edges.push(...page.edges.filter((edge) => edge.artifactVersion === version && edge.input))
        pageToken = page.nextPageToken
      } while (pageToken)
      return edges
    },
  })
  const refresh = useSoon(() => consumers.refetch())
  const onEvents = useCallback(
    (events: Event[]) => {
      const isTaken = events.some(({ step }) => step && Object.values(step.inputs).includes(version))
      if (isTaken) refresh()
    },
    [version, refresh],
  )
  useFeedEvents(onEvents)
  return consumers
}
