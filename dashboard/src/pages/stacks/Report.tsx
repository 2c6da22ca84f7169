import type { ValidationCheck, ValidationReport } from '@contract/workspace'
import type { UseMutationResult } from '@tanstack/react-query'
import { idOf } from '@/api/session'
import { Icon } from '@/ui/Icon'
import { Note } from '@/ui/Note'
import css from './stacks.module.css'

/** What a validation found: each thing that was tried, and what to do about what went wrong. */
export function Report({ of }: { of: UseMutationResult<ValidationReport, Error, void> }) {
  if (of.error) return <Note kind="bad" error={of.error} />
  if (of.isPending) return <p role="status">Trying everything …</p>
  if (!of.data) return null
  const { ok, checks } = of.data
  const failed = checks.filter((check) => !check.ok).length
  return (
    <section className={css.part} aria-label="What was tried">
      <div role="status">
        <h2>{ok ? 'Everything works' : `${failed} of ${checks.length} checks failed`}</h2>
      </div>
      <ul className={css.checks}>
        {checks.map((check) => (
          <Check key={`${check.component} ${check.check}`} check={check} />
        ))}
      </ul>
    </section>
  )
}

function Check({ check: { component, check, ok, reason, remedy, duration } }: { check: ValidationCheck }) {
  return (
    <li>
      <span className={ok ? css.good : css.bad}>
        <Icon name={ok ? 'check' : 'cross'} />
      </span>
      <span className={css.checkWhat}>
        {component ? `${idOf(component)}: ${check}` : check}
        <span className="quiet">{ok ? ' works' : ' failed'}</span>
      </span>
      <span className="quiet numbers">{duration && inMs(duration)}</span>
      {reason && <p className={css.checkWords}>{reason}</p>}
      {remedy && <p className={css.checkWords}>{remedy}</p>}
    </li>
  )
}

/** "120 ms" of "0.12s". */
function inMs(duration: string): string {
  return `${Math.round(Number.parseFloat(duration) * 1000)} ms`
}
