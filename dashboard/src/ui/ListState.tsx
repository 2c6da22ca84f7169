import type { ReactNode } from 'react'
import { EmptyState } from './EmptyState'
import { ErrorPage } from './ErrorPage'
import css from './list.module.css'
import { Note } from './Note'

type Props = {
  /** What is listed, in the plural: "artifacts". */
  what: string
  filter: string
  list: { items: unknown[]; error: Error | null; isPending: boolean; refetch: () => unknown }
  /** What stands where there is nothing yet. */
  empty: ReactNode
  children: ReactNode
}

/** A list, or why there is none: it is read, it failed, its filter is refused, or nothing is there. */
export function ListState({ what, filter, list, empty, children }: Props) {
  if (list.items.length > 0) return children
  if (list.error && filter)
    return (
      <div className={css.refusal}>
        <Note kind="bad" error={list.error} />
      </div>
    )
  if (list.error) return <ErrorPage error={list.error} onRetry={list.refetch} />
  if (list.isPending) return <p className={css.loading}>Reading {what} …</p>
  if (filter) return <EmptyState icon="search" title={`No ${what} match this filter`} />
  return empty
}
