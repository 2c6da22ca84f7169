// Models, their versions and how they moved between stages: as they are now.
import {
  type Event,
  GetModel,
  GetModelVersion,
  ListModels,
  ListModelVersionLinks,
  ListModelVersions,
  ListStageTransitions,
  type Model,
  type ModelVersion,
  type ModelVersionLink,
  type StageTransition,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'
import { useChanged, useHistory } from '@/app/useHistory'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'

const PAGE_SIZE = 100
const LINKS_SHOWN = 500
const modelOf = (event: Event) => event.model
const versionOf = (event: Event) => event.modelVersion

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

/** A version by its number, its own name, or the stage that it is in. */
export function useModelVersion(model: string, id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/models/${model}/versions/${id}`
  return useLiveItem<ModelVersion>(
    name,
    (signal) => client.call(GetModelVersion, { name }, { signal }),
    versionOf,
  )
}

/** How versions of a model moved, the newest first; of one of them alone by its number. */
export function useTransitions(model: string, number = 0) {
  const { client, name: project } = useProject()
  const parent = `${project}/models/${model}`
  const filter = number > 0 ? `number = ${number}` : ''
  return useHistory<StageTransition>({
    key: ['stage-transitions', model, filter],
    // Whatever moves is a version that changes.
    about: `${parent}/versions/`,
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { stageTransitions, ...page } = await client.call(ListStageTransitions, request, { signal })
      return { ...page, items: stageTransitions }
    },
  })
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
