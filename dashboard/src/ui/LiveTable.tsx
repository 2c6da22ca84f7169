import type { ReactNode } from 'react'
import { EmptyState } from './EmptyState'
import { ErrorPage } from './ErrorPage'
import { Note } from './Note'
import css from './table.module.css'
import { type Column, type More, VirtualTable } from './VirtualTable'

type List<T> = {
  items: T[]
  error: Error | null
  isPending: boolean
  more: More
  refetch: () => unknown
}
type Props<T> = {
  label: string
  /** As people wrote it: where it is refused, the page stays and says why. */
  filter: string
  list: List<T>
  columns: Column<T>[]
  onOpen?: (item: T) => void
  /** In place of the table, where there is nothing yet. */
  empty: ReactNode
}

/** A list that the feed keeps: its rows, or why there are none. */
export function LiveTable<T extends { name: string }>(props: Props<T>) {
  const { label, filter, list, columns, onOpen, empty } = props
  if (list.error && list.items.length === 0 && filter)
    return (
      <div className={css.aside}>
        <Note kind="bad" error={list.error} />
      </div>
    )
  if (list.error && list.items.length === 0) return <ErrorPage error={list.error} onRetry={list.refetch} />
  if (list.isPending) return <p className={css.aside}>Reading …</p>
  if (list.items.length === 0 && filter)
    return <EmptyState icon="search" title="Nothing matches this filter" />
  if (list.items.length === 0) return empty
  return (
    <VirtualTable
      label={label}
      items={list.items}
      columns={columns}
      keyOf={({ name }) => name}
      {...(onOpen && { onOpen })}
      more={list.more}
    />
  )
}
