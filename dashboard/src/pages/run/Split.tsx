import { type ReactNode, Suspense } from 'react'
import css from './run.module.css'

/** The steps in whatever form, with the panel of the chosen one beside them. */
export function Split({ panel, children }: { panel: ReactNode; children: ReactNode }) {
  return (
    <div className={css.split} data-open={!!panel || undefined}>
      <Suspense fallback={<p className={css.loading}>Drawing …</p>}>{children}</Suspense>
      {panel}
    </div>
  )
}
