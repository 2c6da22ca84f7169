// What saved views and the address of the list say of each other.

import type { SavedView } from '@contract/workspace'
import { idOf } from '@/api/session'

/** What the address says: which runs, and which columns where it is not the browser's own choice. */
export type Look = { q?: string; columns?: string }

/** What the address says where one looks through a view. */
export function lookThrough({ filter, columns }: Pick<SavedView, 'filter' | 'columns'>): Look {
  return {
    ...(filter && { q: filter }),
    ...(columns.length > 0 && { columns: columns.join(',') }),
  }
}

/** The view that one looks through: the first that says what the address does. */
export function currentOf(views: readonly SavedView[], { q, columns }: Look): SavedView | undefined {
  return views.find((view) => {
    const look = lookThrough(view)
    return look.q === q && look.columns === columns
  })
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
