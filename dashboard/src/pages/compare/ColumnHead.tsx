import type { Run } from '@contract/workspace'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { StateMark } from '@/ui/StateMark'
import { RunLink } from '../runs/RunLink'
import css from './compare.module.css'

type Props = {
  id: string
  run: Run | undefined
  isBaseline: boolean
  onBaseline: (id: string) => void
  onRemove: (id: string) => void
}

/** A run at the head of its column: what it is called, where it stands, and whether others are compared with it. */
export function ColumnHead({ id, run, isBaseline, onBaseline, onRemove }: Props) {
  return (
    <div className={css.run}>
      {run ? <RunLink run={run} /> : <span className="cut mono">{id}</span>}
      {run ? <StateMark state={run.state} /> : <span className="quiet">Deleted, or never there</span>}
      <span className={css.runActions}>
        {run && (
          <Button
            kind={isBaseline ? 'plain' : 'quiet'}
            size="small"
            aria-pressed={isBaseline}
            aria-label={`Baseline: ${id}`}
            onClick={() => onBaseline(id)}
          >
            {isBaseline && <Icon name="check" size={12} />} Baseline
          </Button>
        )}
        <Button kind="quiet" size="small" aria-label={`Leave ${id} out`} onClick={() => onRemove(id)}>
          <Icon name="close" size={12} />
        </Button>
      </span>
    </div>
  )
}
