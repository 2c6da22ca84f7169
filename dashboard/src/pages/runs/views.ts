// What saved views and the address of the list say of each other.

import type { SavedView } from '@contract/workspace'
import { idOf } from '@/api/session'

/** What the address says: which runs, which columns where it is not the browser's own choice, in which order
 *  where it is not the newest first, and through which view one looked last. */
export type Look = { q?: string; columns?: string; order?: string; view?: string }
/** What a view keeps of what is shown. */
export type Shown = { filter: string; columns: string[]; orderBy: string }

export const OLDEST_FIRST = 'create_time'

/** The order that the list takes, of what an address or a view says; empty for the newest first. */
export function orderOf(said = ''): typeof OLDEST_FIRST | '' {
  return /^\s*create_time(\s+asc)?\s*$/.test(said) ? OLDEST_FIRST : ''
}

/** What the address says where one looks through a view. */
export function lookThrough({ name, filter, columns, orderBy }: Pick<SavedView, 'name'> & Shown): Look {
  const order = orderOf(orderBy)
  return {
    ...(filter && { q: filter }),
    ...(columns.length > 0 && { columns: columns.join(',') }),
    ...(order && { order }),
    view: idOf(name),
  }
}

/** The view that one looks through: of those that say what the address does the one that it names. */
export function currentOf(views: readonly SavedView[], look: Look): SavedView | undefined {
  const fitting = views.filter((view) => {
    const { q, columns, order } = lookThrough(view)
    return q === look.q && columns === look.columns && orderOf(order) === orderOf(look.order)
  })
  return namedOf(fitting, look) ?? fitting[0]
}

/** The view that the address names, whatever it shows by now. */
export function namedOf(views: readonly SavedView[], { view }: Look): SavedView | undefined {
  return views.find(({ name }) => idOf(name) === view)
}

export function titleOf(view: SavedView): string {
  return view.displayName || idOf(view.name)
}

/** An id for what people call by a name, which others may use too. */
export function idFor(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return `${words || 'view'}-${crypto.randomUUID().slice(0, 8)}`
}
