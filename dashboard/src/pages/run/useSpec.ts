import type { Run, Step } from '@contract/workspace'
import { useSnapshot } from './useRun'

/** What the snapshot of a run says about a step; of an item of a fan-out, about all of them. */
export function useSpec(run: Run, step: Step) {
  const snapshot = useSnapshot(run.snapshot)
  const id = step.mapGroup || step.stepId
  const spec = snapshot.data?.spec?.steps.find((each) => each.id === id)
  return { spec, error: snapshot.error, isPending: !!run.snapshot && snapshot.isPending }
}
