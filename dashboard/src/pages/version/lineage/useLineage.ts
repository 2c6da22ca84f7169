import {
  type ArtifactVersion,
  type Event,
  GetLineage,
  type LineageDirection,
  type LineageEdge,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { useFeedEvents, useProject } from '@/app/project'
import { useSoon } from '@/app/useSoon'

/** What can be drawn and read; a lineage that is longer says so. */
const MOST = 2000

export function useLineage(version: string, direction: LineageDirection, depth: number) {
  const { client, key } = useProject()
  const lineage = useQuery({
    queryKey: [...key, 'lineage', version, direction, depth],
    queryFn: async ({ signal }) => {
      const versions: ArtifactVersion[] = []
      const edges: LineageEdge[] = []
      let pageToken = ''
      let truncated = false
      do {
        const request = { name: version, direction, depth, pageToken }
        const page = await client.call(GetLineage, request, { signal })
        versions.push(...page.artifactVersions)
        edges.push(...page.edges)
        truncated ||= page.truncated
        pageToken = page.nextPageToken
      } while (pageToken && versions.length < MOST)
      return { versions, edges, truncated: truncated || !!pageToken }
    },
  })
  // Whatever a step takes or makes may belong to it: it is followed again, over ids alone.
  const refresh = useSoon(() => lineage.refetch())
  const onEvents = useCallback(
    (events: Event[]) => {
      if (events.some(({ step, artifactVersion }) => artifactVersion || step)) refresh()
    },
    [refresh],
  )
  useFeedEvents(onEvents)
  return lineage
}
