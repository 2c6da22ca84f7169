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

/** Requests that versions of models enter a stage which nobody has decided, the newest first. */
export function useStageRequests() {
  const { client, name: project } = useProject()
  const list = useLiveList<StageRequest>({
    key: ['stage-requests'],
    read: async (pageToken, signal) => {
      const parent = `${project}/models/-`
      const request = { parent, pageSize: PAGE_SIZE, filter: 'state = PENDING', pageToken }
      const { stageRequests, ...page } = await client.call(ListStageRequests, request, { signal })
      return { ...page, items: stageRequests }
    },
    concerns: (event) => event.resourceType === 'weft.dev/StageRequest',
    itemOf: requestOf,
  })
  return { ...list, items: list.items.filter(({ state }) => state === 'STAGE_REQUEST_STATE_PENDING') }
}
