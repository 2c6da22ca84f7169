import { PauseRun, ResumeRun, RetryRun, type Run, StopRun } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { createLink, getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { Button, ButtonLink } from '@/ui/Button'
import { Note } from '@/ui/Note'
import { lookOf, shortState } from '@/ui/states'
import { StopDialog, type StopWish } from '../runs/StopDialog'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
const PageButton = createLink(ButtonLink)

/** What one can do with a run: what is permitted, and makes sense now. */
export function RunActions({ run }: { run: Run }) {
  const may = useMay()
  const state = shortState(run.state)
  const { isOver } = lookOf(run.state)
  return (
    <>
      {may('runs.pause') && state === 'RUNNING' && <PauseButton run={run} isPaused={false} />}
      {may('runs.pause') && state === 'PAUSED' && <PauseButton run={run} isPaused />}
      {may('runs.stop') && !isOver && <StopButton run={run} />}
      {may('runs.retry') && isOver && run.snapshot && <RetryButtons run={run} />}
      {may('snapshots.run') && run.snapshot && <ChangeLink run={run} />}
    </>
  )
}

function PauseButton({ run, isPaused }: { run: Run; isPaused: boolean }) {
  const { client } = useProject()
  const change = useMutation({
    mutationFn: () => client.call(isPaused ? ResumeRun : PauseRun, { name: run.name }),
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

function StopButton({ run }: { run: Run }) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const stop = useMutation({
    mutationFn: (wish: StopWish) => client.call(StopRun, { name: run.name, ...wish }),
    onSuccess: () => setOpen(false),
  })
  return (
    <>
      <Button kind="danger" onClick={() => setOpen(true)}>
        Stop
      </Button>
      <StopDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onStop={(wish) => stop.mutate(wish)}
        count={1}
        isBusy={stop.isPending}
        error={stop.error}
      />
    </>
  )
}

/** To the form of its snapshot, filled in as this run had it. */
function ChangeLink({ run }: { run: Run }) {
  const { workspace, project } = route.useParams()
  return (
    <PageButton
      to="/w/$workspace/p/$project/snapshots/$snapshot"
      params={{ workspace, project, snapshot: idOf(run.snapshot) }}
      search={{ from: idOf(run.name) }}
    >
      Change and run …
    </PageButton>
  )
}

function RetryButtons({ run }: { run: Run }) {
  const { client } = useProject()
  const navigate = route.useNavigate()
  const retry = useMutation({
    mutationFn: (fromFailed: boolean) => client.call(RetryRun, { name: run.name, fromFailed }),
    onSuccess: (made) => navigate({ params: (now) => ({ ...now, run: idOf(made.name) }), search: {} }),
  })
  return (
    <>
      {shortState(run.state) !== 'SUCCEEDED' && (
        <Button kind="primary" isBusy={retry.isPending} onClick={() => retry.mutate(true)}>
          Retry what failed
        </Button>
      )}
      <Button isBusy={retry.isPending} onClick={() => retry.mutate(false)}>
        Run again
      </Button>
      {retry.error && <Note kind="bad" error={retry.error} />}
    </>
  )
}
