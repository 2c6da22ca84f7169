import type { RunCondition, StageRequest } from '@contract/workspace'
import { useMay } from './project'
import { useSession } from './SessionGate'

/** Which of what waits the user may decide: what would be refused is not offered. */
export function useMayDecide() {
  const may = useMay()
  const { user } = useSession()
  return {
    question: ({ approvers }: RunCondition) =>
      may('runs.approve') && (approvers.length === 0 || approvers.includes(user.name)),
    request: ({ creator }: StageRequest) => may('models.approve') && creator !== user.name,
  }
}
