import {
  DeleteSchedule,
  PauseSchedule,
  ResumeSchedule,
  type Schedule,
  TriggerSchedule,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { DeleteButton } from '@/app/DeleteButton'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Note } from '@/ui/Note'
import { ScheduleDialog } from '../schedules/ScheduleDialog'
import { BackfillButton } from './BackfillButton'

const route = getRouteApi('/w/$workspace/p/$project/schedules/$schedule')

/** What one can do with a schedule: what is permitted, and makes sense now. */
export function ScheduleActions({ schedule }: { schedule: Schedule }) {
  const { client } = useProject()
  const may = useMay()
  const navigate = route.useNavigate()
  const { name, etag } = schedule
  const toList = () =>
    void navigate({ to: '/w/$workspace/p/$project/schedules', params: (now) => now, search: {} })
  const mayRun = may('snapshots.run')
  const isPaused = schedule.state === 'SCHEDULE_STATE_PAUSED'
  const isActive = schedule.state === 'SCHEDULE_STATE_ACTIVE'
  return (
    <>
      {may('schedules.trigger') && mayRun && <RunButton name={schedule.name} />}
      {may('schedules.trigger') && mayRun && <BackfillButton schedule={schedule} />}
      {may('schedules.update') && (isActive || (isPaused && mayRun)) && (
        <PauseButton name={schedule.name} isPaused={isPaused} />
      )}
      {may('schedules.update') && mayRun && <EditButton schedule={schedule} />}
      {may('schedules.delete') && (
        <DeleteButton
          noun="schedule"
          name={name}
          remove={() => client.call(DeleteSchedule, { name, etag })}
          onDone={toList}
        >
          Its history goes with it; the runs that it made stay.
        </DeleteButton>
      )}
    </>
  )
}

function RunButton({ name }: { name: string }) {
  const { client } = useProject()
  const navigate = route.useNavigate()
  const run = useMutation({
    mutationFn: () => client.call(TriggerSchedule, { name }),
    onSuccess: (made) =>
      navigate({
        to: '/w/$workspace/p/$project/runs/$run',
        params: (now) => ({ ...now, run: idOf(made.name) }),
        search: {},
      }),
  })
  return (
    <>
      <Button kind="primary" isBusy={run.isPending} onClick={() => run.mutate()}>
        Run now
      </Button>
      {run.error && <Note kind="bad" error={run.error} />}
    </>
  )
}

function PauseButton({ name, isPaused }: { name: string; isPaused: boolean }) {
  const { client } = useProject()
  const change = useMutation({
    mutationFn: () => client.call(isPaused ? ResumeSchedule : PauseSchedule, { name }),
  })
  return (
    <>
      <Button isBusy={change.isPending} onClick={() => change.mutate()}>
        {isPaused ? 'Resume' : 'Pause'}
      </Button>
      {change.error && <Note kind="bad" error={change.error} />}
    </>
  )
}

function EditButton({ schedule }: { schedule: Schedule }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <ScheduleDialog schedule={schedule} isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  )
}
