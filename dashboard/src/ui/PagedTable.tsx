import type { ReactNode } from 'react'
import type { Paged } from '@/app/usePaged'
import { ErrorPage } from './ErrorPage'
import { Note } from './Note'
import css from './table.module.css'
import { type Column, VirtualTable } from './VirtualTable'

type Props<T> = {
  label: string
  list: Paged<T>
  columns: Column<T>[]
  keyOf: (item: T) => string
  onOpen?: (item: T) => void
  /** In place of the table, where there is nothing. */
  empty: ReactNode
}

/** A list that is read page by page: its rows, or why there are none. */
export function PagedTable<T>({ label, list, columns, keyOf, onOpen, empty }: Props<T>) {
  const { items, error, isPending, more, retry } = list
  if (error && items.length === 0) return <ErrorPage error={error} onRetry={retry} />
  if (isPending) return <p className={css.aside}>Reading …</p>
  if (items.length === 0) return empty
  return (
    <>
      {error && (
        <div className={css.aside}>
          <Note kind="warn" error={error}>
            This list is as it was: it cannot be read again.
          </Note>
        </div>
      )}
      <VirtualTable label={label} items={items} columns={columns} keyOf={keyOf} onOpen={onOpen} more={more} />
    </>
  )
}
