import { useVirtualizer } from '@tanstack/react-virtual'
import { type CSSProperties, memo, type ReactNode, useEffect, useRef } from 'react'
import { Icon } from './Icon'
import { NextPage } from './NextPage'
import css from './table.module.css'
import { useRowKeys } from './useRowKeys'

/** `width` as in grid-template-columns; `head` is shown where a column says more than its label. */
export type Column<T> = {
  id: string
  label: string
  width: string
  cell: (item: T) => ReactNode
  head?: ReactNode
}

/** What follows the last page of a list that was read, and how reading it went. */
export type More = {
  isMore: boolean
  isReading: boolean
  readOn: () => void
  error: Error | null
  retry: () => void
}

/** By which column a list is ordered, and what turns it around. */
export type Order = { column: string; isAscending: boolean; onTurn: () => void }

const ROW_PX = 40
const AHEAD = 30
const NOTHING = () => undefined
const NO_MORE: More = { isMore: false, isReading: false, readOn: NOTHING, error: null, retry: NOTHING }

type Props<T> = {
  label: string
  items: T[]
  columns: Column<T>[]
  keyOf: (item: T) => string
  isSelected?: (item: T) => boolean
  /** Selects a row, or takes that back; without it rows cannot be selected. */
  onToggle?: ((item: T) => void) | undefined
  nameOf?: (item: T) => string
  onOpen?: (item: T) => void
  /** What follows the last item; it is read on before the end is in sight. */
  more?: More
  order?: Order
}

/** A table of any length: all rows are there, and those in sight are drawn. Keys: j, k, x, Enter. */
export function VirtualTable<T>(props: Props<T>) {
  const { label, items, columns, keyOf, isSelected, onToggle, onOpen = NOTHING, more = NO_MORE } = props
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (at) => keyOf(items[at] as T),
    overscan: 12,
  })
  const shown = rows.getVirtualItems()
  const lastSeen = shown.at(-1)?.index ?? 0
  const { isMore, readOn } = more
  useEffect(() => {
    if (isMore && lastSeen >= items.length - AHEAD) readOn()
  }, [isMore, lastSeen, items.length, readOn])
  const focused = useRowKeys({
    count: items.length,
    onMove: (at) => rows.scrollToIndex(at),
    onToggle: (at) => onToggle?.(items[at] as T),
    onOpen: (at) => onOpen(items[at] as T),
  })
  const widths = [...(onToggle ? ['18px'] : []), ...columns.map(({ width }) => width)]
  const grid = { '--columns': widths.join(' ') } as CSSProperties

  return (
    <div ref={scroller} className={css.scroller} tabIndex={0} role="region" aria-label={label}>
      <div
        role="table"
        aria-label={label}
        aria-rowcount={isMore ? -1 : items.length + 1}
        className={css.table}
        style={grid}
      >
        <Head columns={columns} isSelectable={!!onToggle} order={props.order} />
        <div role="rowgroup" className={css.rows} style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, key, start }) => (
            <Row
              key={key}
              item={items[index] as T}
              columns={columns as Column<unknown>[]}
              index={index}
              top={start}
              isFocused={index === focused}
              isSelected={isSelected?.(items[index] as T) ?? false}
              name={props.nameOf?.(items[index] as T) ?? String(key)}
              onToggle={onToggle as ((item: unknown) => void) | undefined}
            />
          ))}
        </div>
      </div>
      <NextPage more={more} />
    </div>
  )
}

type HeadProps<T> = { columns: Column<T>[]; isSelectable: boolean; order: Order | undefined }

function Head<T>({ columns, isSelectable, order }: HeadProps<T>) {
  return (
    <div role="rowgroup" className={css.head}>
      <div role="row" className={css.row} aria-rowindex={1}>
        {isSelectable && (
          <div role="columnheader">
            <span className="unseen">Select</span>
          </div>
        )}
        {columns.map(({ id, label, head }) =>
          id === order?.column ? (
            <OrderedHead key={id} label={label} order={order} />
          ) : (
            <div key={id} role="columnheader">
              {head ?? label}
            </div>
          ),
        )}
      </div>
    </div>
  )
}

function OrderedHead({ label, order: { isAscending, onTurn } }: { label: string; order: Order }) {
  return (
    <div role="columnheader" aria-sort={isAscending ? 'ascending' : 'descending'}>
      <button type="button" className={css.order} onClick={onTurn}>
        {label} <Icon name={isAscending ? 'up' : 'down'} size={12} />
      </button>
    </div>
  )
}

type RowProps = {
  item: unknown
  columns: Column<unknown>[]
  index: number
  top: number
  isFocused: boolean
  isSelected: boolean
  name: string
  onToggle?: ((item: unknown) => void) | undefined
}

const Row = memo(function Row({
  item,
  columns,
  index,
  top,
  isFocused,
  isSelected,
  name,
  onToggle,
}: RowProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-focused={isFocused || undefined}
      className={`${css.row} ${css.bodyRow}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      {onToggle && (
        <div role="cell" className={css.check}>
          <input
            type="checkbox"
            aria-label={`Select ${name}`}
            checked={isSelected}
            onChange={() => onToggle(item)}
          />
        </div>
      )}
      {columns.map(({ id, cell }) => (
        <div key={id} role="cell" className="cut">
          {cell(item)}
        </div>
      ))}
    </div>
  )
})
