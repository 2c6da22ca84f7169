import type { ReactNode } from 'react'
import css from './upTitle.module.css'

/** The title of a page below another one, with the link up to that. */
export function UpTitle({ up, children }: { up: ReactNode; children: ReactNode }) {
  return (
    <span className={css.title}>
      <span className={css.up}>{up}</span>
      <span aria-hidden="true">/</span>
      <span>{children}</span>
    </span>
  )
}
