import type { ReactNode } from 'react'
import css from './named.module.css'

/** A name, and beside it what tells it from others of the same name. */
export function Named({ children, detail }: { children: ReactNode; detail?: string }) {
  return (
    <span className={css.named}>
      <span className="cut">{children}</span>
      {detail && <span className={`cut ${css.detail}`}>{detail}</span>}
    </span>
  )
}
