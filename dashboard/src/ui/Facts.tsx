import type { ReactNode } from 'react'
import css from './facts.module.css'

/** What counts about something, in one line below its title. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={css.facts}>{children}</dl>
}

export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{label}</dt>
      <dd className="cut">{children}</dd>
    </div>
  )
}
