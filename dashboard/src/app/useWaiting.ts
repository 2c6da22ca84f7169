// What waits for the decision of a person: questions of steps, and versions that are to enter a stage.
import {
  type Event,
  ListRunConditions,
  ListStageRequests,
  type RunCondition,
  type StageRequest,
} from '@contract/workspace'
import { useProject } from './project'
import { useLiveList } from './useLiveList'

const PAGE_SIZE = 100
const conditionOf = (event: Event) => event.runCondition
const requestOf = (event: Event) => event.stageRequest

/** Questions that steps ask and nobody has answered, the oldest first. */
export function useQuestions() {
  const { client, name: project } = useProject()
  const list = useLiveList<RunCondition>({
    key: ['questions'],
    read: async (pageToken, signal) => {
      const request = { parent: `${project}/runs/-`, pageSize: PAGE_SIZE, filter: 'state = OPEN', pageToken }
      const { runConditions, ...page } = await client.call(ListRunConditions, request, { signal })
      return { ...page, items: runConditions }
    },
    concerns: (event) => event.resourceType === 'weft.dev/RunCondition',
    itemOf: conditionOf,
  })
  return { ...list, items: list.items.filter(({ state }) => state === 'RUN_CONDITION_STATE_OPEN') }
}

/** Requests that versions of a model enter a stage, the newest first; of all models where it is "-". */
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

/** Those of them that nobody has decided. */
export function useWaitingRequests(model: string) {
  const list = useStageRequests(model, 'state = PENDING')
  return { ...list, items: list.items.filter(({ state }) => state === 'STAGE_REQUEST_STATE_PENDING') }
}
