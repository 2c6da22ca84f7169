import type { Run, Step } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy } from 'react'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { StateMark } from '@/ui/StateMark'
import { Ago, Took } from '@/ui/Time'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import css from './run.module.css'
import { Split } from './Split'
import { StepPanel } from './StepPanel'
import { useOpenStep } from './useOpenStep'
import { useSteps } from './useRun'
import { useStepKeys } from './useStepKeys'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

// Large, and not what everybody looks at.
const Timeline = lazy(async () => ({ default: (await import('./timeline/Timeline')).Timeline }))

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

/** The steps of a run as a list or along time, and the one that was chosen beside them. */
export function Steps({ run }: { run: Run }) {
  const { step: chosen, view } = route.useSearch()
  const list = useSteps(run.name)
  const open = useOpenStep()
  const steps = list.data?.steps ?? []
  useStepKeys(steps)
  if (list.error && !list.data) return <ErrorPage error={list.error} onRetry={() => list.refetch()} />
  if (!list.data) return <p className={css.loading}>Reading steps …</p>
  if (steps.length === 0) return <EmptyState icon="clock" title="No steps yet" />
  const step = steps.find(({ stepId }) => stepId === chosen)
  return (
    <Split panel={step && <StepPanel run={run} step={step} />}>
      {view === 'timeline' ? (
        <Timeline run={run} steps={steps} chosen={chosen} onOpen={open} />
      ) : (
        <VirtualTable
          label="Steps"
          items={steps}
          columns={COLUMNS}
          keyOf={nameOf}
          isSelected={(each) => each.stepId === chosen}
          onOpen={(each) => open(each.stepId)}
        />
      )}
    </Split>
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
