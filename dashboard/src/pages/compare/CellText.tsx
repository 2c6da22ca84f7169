import { VersionLink } from '@/app/links'
import { StateMark } from '@/ui/StateMark'
import { Took } from '@/ui/Time'
import { inDigits } from '../models/metrics'
import css from './compare.module.css'
import { type Cell, HASH_SHOWN } from './facts'

/** A fact as people read it; exactly, on a pointer. */
export function CellText({ cell }: { cell: Cell | undefined }) {
  if (!cell) return <span className="quiet">–</span>
  if (cell.kind === 'state') return <StateMark state={cell.state} />
  if (cell.kind === 'took') return <Took start={cell.start || undefined} end={cell.end || undefined} />
  if (cell.kind === 'version')
    return (
      <>
        <VersionLink name={cell.name} />
        {cell.hash && <span className={`mono ${css.hash}`}>{cell.hash.slice(0, HASH_SHOWN)}</span>}
      </>
    )
  const { value } = cell
  return (
    <span className={typeof value === 'number' ? 'cut numbers' : 'cut'} title={wordsOf(value)}>
      {typeof value === 'number' ? inDigits(value) : wordsOf(value)}
    </span>
  )
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
