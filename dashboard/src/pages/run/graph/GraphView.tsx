import type { Run } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, useEffect } from 'react'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import css from '../run.module.css'
import { Split } from '../Split'
import { StepPanel } from '../StepPanel'
import { useOpenStep } from '../useOpenStep'
import { useStep } from '../useRun'
import { useStepKeys } from '../useStepKeys'
import { useGraph } from './useGraph'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

// Large, and not what everybody looks at.
const importGraph = () => import('./RunGraph')
const RunGraph = lazy(async () => ({ default: (await importGraph()).RunGraph }))

type Props = {
  name: string
  /** Absent until it is read. */
  run: Run | undefined
}

/** The steps of a run as a graph, and the one that was chosen beside them. */
export function GraphView({ name, run }: Props) {
  const { step: chosen } = route.useSearch()
  const graph = useGraph(name)
  const open = useOpenStep()
  const steps = graph.data?.steps ?? []
  useStepKeys(steps)
  // It comes while the steps are read.
  useEffect(() => void importGraph(), [])
  if (graph.data && steps.length > 0) {
    const isThere = run && steps.some(({ stepId }) => stepId === chosen)
    return (
      <Split panel={chosen && isThere && <ReadPanel run={run} id={chosen} />}>
        <RunGraph steps={steps} chosen={chosen} onOpen={open} />
      </Split>
    )
  }
  // One thing at a time is said of what is missing.
  if (!run) return null
  if (graph.data) return <EmptyState icon="clock" title="No steps yet" />
  if (graph.error) return <ErrorPage error={graph.error} onRetry={() => graph.refetch()} />
  return <p className={css.loading}>Reading steps …</p>
}

/** The panel of a step, of which the graph knows little. */
function ReadPanel({ run, id }: { run: Run; id: string }) {
  const step = useStep(run.name, id)
  if (step.error && !step.data) return <ErrorPage error={step.error} onRetry={() => step.refetch()} />
  if (!step.data) return <p className={css.loading}>Reading the step …</p>
  return <StepPanel run={run} step={step.data} />
}
