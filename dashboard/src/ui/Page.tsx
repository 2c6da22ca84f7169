import type { ReactNode } from 'react'
import css from './page.module.css'

type Props = { title: ReactNode; actions?: ReactNode; children?: ReactNode }

/** The head of a page: its title, what one can do, and what narrows it down. */
export function PageHead({ title, actions, children }: Props) {
  return (
    <div className={css.head}>
      <div className={css.titles}>
        <h1>{title}</h1>
        <div className={css.actions}>{actions}</div>
      </div>
      {children}
    </div>
  )
}
