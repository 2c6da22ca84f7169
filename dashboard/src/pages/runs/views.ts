// What saved views and the address of the list say of each other.

import type { SavedView } from '@contract/workspace'
import { idOf } from '@/api/session'

/** What the address says: which runs, which columns where it is not the browser's own choice, and through
 *  which view one looked last. */
export type Look = { q?: string; columns?: string; view?: string }

/** What the address says where one looks through a view. */
export function lookThrough({ name, filter, columns }: Pick<SavedView, 'name' | 'filter' | 'columns'>): Look {
  return {
    ...(filter && { q: filter }),
    ...(columns.length > 0 && { columns: columns.join(',') }),
    view: idOf(name),
  }
}

/** The view that one looks through: of those that say what the address does the one that it names. */
export function currentOf(views: readonly SavedView[], look: Look): SavedView | undefined {
  const fitting = views.filter((view) => {
    const { q, columns } = lookThrough(view)
    return q === look.q && columns === look.columns
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
