import type { Run, Step } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { StateMark } from '@/ui/StateMark'
import { Ago, Took } from '@/ui/Time'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import css from './run.module.css'
import { StepPanel } from './StepPanel'
import { useSteps } from './useRun'
import { useStepKeys } from './useStepKeys'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

// Large, and not what everybody looks at.
const Timeline = lazy(async () => ({ default: (await import('./timeline/Timeline')).Timeline }))
const RunGraph = lazy(async () => ({ default: (await import('./graph/RunGraph')).RunGraph }))

const COLUMNS: Column<Step>[] = [
  { id: 'state', label: 'State', width: '118px', cell: (step) => <StateMark state={step.state} /> },
  { id: 'step', label: 'Step', width: 'minmax(120px, 1.4fr)', cell: (step) => <StepLink step={step} /> },
  { id: 'reason', label: 'Why', width: 'minmax(120px, 2fr)', cell: (step) => <Why step={step} /> },
  {
    id: 'took',
    label: 'Took',
    width: '84px',
    cell: (step) => <Took start={step.startTime} end={step.endTime} />,
  },
  { id: 'start', label: 'Started', width: '92px', cell: (step) => <Ago time={step.startTime} /> },
  { id: 'attempts', label: 'Attempts', width: '64px', cell: (step) => step.attemptCount || '–' },
]

/** The steps of a run, and the one that was chosen beside them. */
export function Steps({ run }: { run: Run }) {
  const { step: chosen } = route.useSearch()
  const steps = useSteps(run.name)
  useStepKeys(steps.data?.steps ?? [])
  const step = useMemo(() => steps.data?.steps.find((each) => each.stepId === chosen), [steps.data, chosen])
  if (steps.error && !steps.data) return <ErrorPage error={steps.error} onRetry={() => steps.refetch()} />
  if (!steps.data) return <p className={css.loading}>Reading steps …</p>
  if (steps.data.steps.length === 0) return <EmptyState icon="clock" title="No steps yet" />
  return (
    <div className={css.split} data-open={!!step || undefined}>
      <Suspense fallback={<p className={css.loading}>Drawing …</p>}>
        <View run={run} steps={steps.data.steps} />
      </Suspense>
      {step && <StepPanel run={run} step={step} />}
    </div>
  )
}

function View({ run, steps }: { run: Run; steps: Step[] }) {
  const { step: chosen, view } = route.useSearch()
  const navigate = route.useNavigate()
  const open = (stepId: string) => void navigate({ search: (now) => ({ ...now, step: stepId }) })
  if (view === 'timeline') return <Timeline run={run} steps={steps} chosen={chosen} onOpen={open} />
  if (view === 'graph') return <RunGraph steps={steps} chosen={chosen} onOpen={open} />
  return (
    <VirtualTable
      label="Steps"
      items={steps}
      columns={COLUMNS}
      keyOf={nameOf}
      isSelected={(each) => each.stepId === chosen}
      onOpen={(each) => open(each.stepId)}
    />
  )
}

const nameOf = (step: Step) => step.name

function StepLink({ step }: { step: Step }) {
  return (
    <Link
      from={route.id}
      to="."
      search={(now) => ({ ...now, step: step.stepId })}
      className={css.stepName}
      data-row=""
    >
      {step.stepId}
    </Link>
  )
}

function Why({ step }: { step: Step }) {
  const words = step.failure?.message || step.stateReason || step.cacheReason
  return (
    <span className="quiet" title={words}>
      {words}
    </span>
  )
}
