import { RetryRun, type Run, StopRun } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { lookOf } from '@/ui/states'
import { FEWEST, MOST, namedBy } from '../compare/address'
import { inTurn, type Outcome } from './inTurn'
import { LabelRuns } from './LabelRuns'
import css from './runs.module.css'
import { StopDialog, type StopWish } from './StopDialog'

type Props = { runs: Run[]; onClear: () => void }

/** What one can do with all runs that are selected; only what is permitted, and would not be refused. */
export function BulkBar({ runs, onClear }: Props) {
  const { client } = useProject()
  const may = useMay()
  const [isStopping, setStopping] = useState(false)
  const [done, setDone] = useState<Outcome<Run>>()
  const going = runs.filter((run) => !lookOf(run.state).isOver)
  const ended = runs.filter((run) => lookOf(run.state).isOver && run.snapshot)
  const stop = useMutation({
    mutationFn: (wish: StopWish) => inTurn(going, (run) => client.call(StopRun, { name: run.name, ...wish })),
    onSuccess: (outcome) => {
      setStopping(false)
      setDone(outcome)
    },
  })
  const retry = useMutation({
    mutationFn: () => inTurn(ended, (run) => client.call(RetryRun, { name: run.name })),
    onSuccess: setDone,
  })
  return (
    <section className={css.bulk} aria-label="Selected runs">
      <span className="numbers">{runs.length} selected</span>
      {runs.length >= FEWEST && <CompareButton runs={runs} />}
      {may('runs.stop') && going.length > 0 && (
        <Button size="small" onClick={() => setStopping(true)}>
          Stop {going.length}
        </Button>
      )}
      {may('runs.retry') && ended.length > 0 && (
        <Button size="small" isBusy={retry.isPending} onClick={() => retry.mutate()}>
          Retry {ended.length}
        </Button>
      )}
      {may('runs.update') && <LabelRuns runs={runs} onDone={setDone} />}
      <Button kind="quiet" size="small" onClick={onClear}>
        Clear
      </Button>
      {done && <Outcomes outcome={done} />}
      <StopDialog
        isOpen={isStopping}
        onClose={() => setStopping(false)}
        onStop={(wish) => stop.mutate(wish)}
        count={going.length}
        isBusy={stop.isPending}
        error={stop.error}
      />
    </section>
  )
}

function CompareButton({ runs }: { runs: Run[] }) {
  const navigate = useNavigate({ from: '/w/$workspace/p/$project/runs' })
  const search = { runs: namedBy(runs.map(({ name }) => idOf(name))) }
  return (
    <Button
      size="small"
      disabled={runs.length > MOST}
      onClick={() => void navigate({ to: '/w/$workspace/p/$project/compare', search })}
    >
      {runs.length > MOST ? `Compare ${MOST} at most` : `Compare ${runs.length}`}
    </Button>
  )
}

function Outcomes({ outcome }: { outcome: Outcome<Run> }) {
  const [first] = outcome.refused
  return (
    <span role="status" className={first ? css.refused : ''}>
      {outcome.done.length} done
      {first && `, ${outcome.refused.length} refused: ${idOf(first.item.name)}: ${first.error.message}`}
    </span>
  )
}
