// Models, their versions, and what is asked and was done about their stages: as they are now.
import {
  type Event,
  GetModel,
  GetModelVersion,
  ListModels,
  ListModelVersionLinks,
  ListModelVersions,
  ListStageRequests,
  ListStageTransitions,
  type Model,
  type ModelVersion,
  type ModelVersionLink,
  type StageRequest,
} from '@contract/workspace'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { useFeedEvents, useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'
import { useSoon } from '@/app/useSoon'

const PAGE_SIZE = 100
const LINKS_SHOWN = 500
const modelOf = (event: Event) => event.model
const versionOf = (event: Event) => event.modelVersion
const requestOf = (event: Event) => event.stageRequest

export function useModels(filter: string) {
  const { client, name: parent } = useProject()
  return useLiveList<Model>({
    key: ['models', filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { models, ...page } = await client.call(ListModels, request, { signal })
      return { ...page, items: models }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Model',
    itemOf: modelOf,
  })
}

export function useModel(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/models/${id}`
  return useLiveItem<Model>(name, (signal) => client.call(GetModel, { name }, { signal }), modelOf)
}

/** Versions of a model, the newest first. */
export function useModelVersions(model: string, filter: string) {
  const { client, name: project } = useProject()
  const parent = `${project}/models/${model}`
  return useLiveList<ModelVersion>({
    key: ['model-versions', model, filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { modelVersions, ...page } = await client.call(ListModelVersions, request, { signal })
      return { ...page, items: modelVersions }
    },
    concerns: ({ resourceType, name }) =>
      resourceType === 'weft.dev/ModelVersion' && name.startsWith(`${parent}/`),
    itemOf: versionOf,
  })
}

/** A version by its number or own name; what "production" leads to is another one tomorrow. */
export function useModelVersion(model: string, id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/models/${model}/versions/${id}`
  return useLiveItem<ModelVersion>(
    name,
    (signal) => client.call(GetModelVersion, { name }, { signal }),
    versionOf,
  )
}

/** Requests about a model, the newest first; about all models where it is "-". */
export function useStageRequests(model: string, filter: string) {
  const { client, name: project } = useProject()
  const parent = `${project}/models/${model}`
  const ours = model === '-' ? `${project}/models/` : `${parent}/`
  return useLiveList<StageRequest>({
    key: ['stage-requests', model, filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { stageRequests, ...page } = await client.call(ListStageRequests, request, { signal })
      return { ...page, items: stageRequests }
    },
    concerns: ({ resourceType, name }) => resourceType === 'weft.dev/StageRequest' && name.startsWith(ours),
    itemOf: requestOf,
  })
}

/** How versions of a model moved, the newest first; of one of them alone by its number. */
export function useTransitions(model: string, number = 0) {
  const { client, key, name: project } = useProject()
  const parent = `${project}/models/${model}`
  const filter = number > 0 ? `number = ${number}` : ''
  const query = useInfiniteQuery({
    queryKey: [...key, 'stage-transitions', model, filter],
    initialPageParam: '',
    queryFn: ({ pageParam: pageToken, signal }) =>
      client.call(ListStageTransitions, { parent, pageSize: PAGE_SIZE, filter, pageToken }, { signal }),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  // Transitions are no resources: whatever moves is a version that changes.
  useChanged(`${parent}/versions/`, query.refetch)
  return { ...query, items: query.data?.pages.flatMap((page) => page.stageTransitions) ?? [] }
}

/** What is linked to a version, the newest first. */
export function useLinks(version: ModelVersion) {
  const { client, key } = useProject()
  const { name: parent } = version
  const query = useQuery({
    queryKey: [...key, 'model-links', parent],
    queryFn: async ({ signal }): Promise<ModelVersionLink[]> =>
      (await client.call(ListModelVersionLinks, { parent, pageSize: LINKS_SHOWN }, { signal })).links,
  })
  useChanged(parent, query.refetch)
  return query
}

function useChanged(prefix: string, refetch: () => Promise<unknown>): void {
  const refresh = useSoon(refetch)
  const onEvents = useCallback(
    (events: Event[]) => {
      if (events.some(({ name }) => name.startsWith(prefix))) refresh()
    },
    [prefix, refresh],
  )
  useFeedEvents(onEvents)
}
