// Saved views of the list of runs: what is shared, and the user's own.

import {
  CreateSavedView,
  DeleteSavedView,
  ListSavedViews,
  type SavedView,
  ShareSavedView,
  UpdateSavedView,
} from '@contract/workspace'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useWhole } from '@/app/infrastructure'
import { useMay, useProject } from '@/app/project'
import { useSession } from '@/app/SessionGate'
import { useLiveList } from '@/app/useLiveList'
import { idFor, type Shown } from './views'

const KEY = ['saved-views', 'runs'] as const
// One page holds them all but in projects that share hundreds; the rest is read after it.
const PAGE_SIZE = 500

export function useViews(): SavedView[] {
  const { client, name: parent } = useProject()
  const list = useLiveList<SavedView>({
    key: KEY,
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter: 'collection = "runs"', pageToken }
      const { savedViews, ...page } = await client.call(ListSavedViews, request, { signal })
      return { ...page, items: savedViews }
    },
    concerns: (event) => event.resourceType === 'weft.dev/SavedView',
    itemOf: (event) => event.savedView,
  })
  return useWhole(list)
}

export type NewView = Shown & { displayName: string; isShared: boolean }

export function useSaveView() {
  const { client, name: parent } = useProject()
  return useViewChange(({ isShared, ...said }: NewView) =>
    client.call(CreateSavedView, {
      parent,
      savedViewId: idFor(said.displayName),
      savedView: {
        ...said,
        collection: 'runs',
        scope: isShared ? 'SAVED_VIEW_SCOPE_SHARED' : 'SAVED_VIEW_SCOPE_PRIVATE',
      },
    }),
  )
}

export function useRenameView() {
  const { client } = useProject()
  return useViewChange(({ view, displayName }: { view: SavedView; displayName: string }) =>
    client.call(UpdateSavedView, {
      savedView: { name: view.name, etag: view.etag, displayName },
      updateMask: 'displayName',
    }),
  )
}

/** Has a view say what is shown instead of what it said. */
export function useUpdateView() {
  const { client } = useProject()
  return useViewChange(({ view, shown }: { view: SavedView; shown: Shown }) =>
    client.call(UpdateSavedView, {
      savedView: { name: view.name, etag: view.etag, ...shown },
      updateMask: 'filter,columns,orderBy',
    }),
  )
}

export function useShareView() {
  const { client } = useProject()
  return useViewChange((view: SavedView) => client.call(ShareSavedView, { name: view.name, etag: view.etag }))
}

export function useDeleteView() {
  const { client } = useProject()
  return useViewChange((view: SavedView) =>
    client.call(DeleteSavedView, { name: view.name, etag: view.etag }),
  )
}

/** A change of a view; what is private is in no feed, so the list is read again. */
function useViewChange<T, R>(change: (asked: T) => Promise<R>) {
  const { key } = useProject()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: [...key, ...KEY] }),
  })
}

/** What the user may do with a view, beside looking through it. */
export function useMayView() {
  const may = useMay()
  const { user } = useSession()
  const isShared = ({ scope }: SavedView) => scope === 'SAVED_VIEW_SCOPE_SHARED'
  return {
    save: may('savedViews.create'),
    saveForAll: may('savedViews.share'),
    update: (view: SavedView) => may('savedViews.update') && (!isShared(view) || may('savedViews.share')),
    share: (view: SavedView) => may('savedViews.share') && !isShared(view) && view.creator === user.name,
    delete: (view: SavedView) => may('savedViews.delete') && (!isShared(view) || may('savedViews.share')),
  }
}
