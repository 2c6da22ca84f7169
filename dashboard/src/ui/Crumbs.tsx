import { Children, type ReactNode } from 'react'
import css from './crumbs.module.css'

/** Where a page stands: links to what is above it, and what it is itself. */
export function Crumbs({ children }: { children: ReactNode }) {
  return (
    <nav aria-label="Breadcrumbs" className={css.crumbs}>
      {Children.toArray(children).flatMap((each, at) => [
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is what it is.
        at > 0 && <span key={`/${at}`} aria-hidden="true">{`/`}</span>,
        each,
      ])}
    </nav>
  )
}
